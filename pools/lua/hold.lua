-- hold: counts a run that is in the hands of a worker without leases (Prefect's own).
-- KEYS  wf:{pool}
-- ARGV  run id, queue, lane, gen, ms
-- reply 1 counted for that time; 2 leased now, counted when that claim is given up; 0 stale gen
-- cost  O(log n)
-- again prolongs; the API does, every minute
local id, q, ln, gen, ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local st, g, oq, oln = unpack(call('HMGET', R(id), 'st', 'gen', 'q', 'ln'))
if tonumber(g or '-1') > gen then return 0 end
if st == 'leased' then
  call('HSET', R(id), 'wext', ms)
  return 2
end
if st == 'ready' then unready(id, oq, oln or '-') end
if st == 'lost' then call('ZREM', P .. ':lost', id) end
if st == 'ext' and (oq ~= q or oln ~= ln) then unhold(id, oq, oln or '-') end
hold_ext(id, q, ln, ms)
call('HSET', R(id), 'gen', ARGV[4])
call('PERSIST', R(id))
return 1
