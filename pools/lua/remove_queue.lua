-- remove_queue: forgets a queue and the runs that wait in it.
-- KEYS  wf:{pool}
-- ARGV  queue, most runs in this call
-- reply 0 nothing waits in it any more, else call again
-- cost  O(runs)
-- again idempotent
--
-- Leased runs go on; a forgotten run can be enqueued again with the same gen.
local q, most = ARGV[1], tonumber(ARGV[2])
call('ZREM', P .. ':prio', q)
call('DEL', P .. ':qm:' .. q, P .. ':s:' .. q)
for _, ln in ipairs(call('ZRANGE', P .. ':t:' .. q, 0, most - 1)) do
  for _, id in ipairs(call('ZRANGE', LN(q, ln), 0, most - 1)) do
    call('ZREM', LN(q, ln), id)
    call('DEL', R(id))
    most = most - 1
  end
  call('SREM', P .. ':parked:' .. ln, q)
  if call('EXISTS', LN(q, ln)) == 0 then call('ZREM', P .. ':t:' .. q, ln) end
  if most <= 0 then break end
end
return call('ZCARD', P .. ':t:' .. q)
