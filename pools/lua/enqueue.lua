-- enqueue: makes a SCHEDULED run deliverable, or moves it.
-- KEYS  wf:{pool}
-- ARGV  run id, queue, due ms, priority of the queue (used when it is new), payload, gen,
--       lane (the deployment; may be missing), limit of the lane (0: none), the largest token
--       that the API has seen of the run (0 or missing: none): later ones are larger
-- reply 1 queued; 2 leased now, remembered for after the lease; 0 this gen is leased already;
--       -1 stale: this gen was settled, or a newer one is known
-- cost  O(log n) in the length of the queue
-- again idempotent for one gen; a later due time or another queue of the same gen moves it
local id, q, due, prio, pl = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local gen, ln, limit = tonumber(ARGV[6]), ARGV[7] or '-', tonumber(ARGV[8] or '0')
local st, g, oq, oln, want, nb, dropped =
  unpack(call('HMGET', R(id), 'st', 'gen', 'q', 'ln', 'want', 'nb', 'dropped'))
g, oln = tonumber(g or '-1'), oln or '-'
if g > gen then return -1 end
if g == gen and st and st ~= 'ready' and st ~= 'leased' then return -1 end
if st == 'leased' then
  if gen == g and not want then return 0 end
  call('HSET', R(id), 'want', due, 'wantq', q, 'gen', ARGV[6], 'pl', pl)
  call('ZADD', P .. ':prio', 'NX', prio, q)
  return 2
end
-- The first write is the one that Redis refuses when its memory is full.
call('HSET', R(id), 'pl', pl, 'gen', ARGV[6])
call('PERSIST', R(id))
if st == 'ready' then unready(id, oq, oln) end
if st == 'ext' then unhold(id, oq, oln) end
if st == 'lost' then call('ZREM', P .. ':lost', id) end
fence_above(ARGV[9] or '0')
-- A delivery that was just refused is not repeated at once, also when our clock is ahead.
if st == 'drop' and dropped then due = math.max(due, dropped + 1000) end
if gen > g then
  renewed(id)
elseif nb then
  due = math.max(due, tonumber(nb))
end
if limit > 0 then call('HSET', P .. ':lim', ln, limit) end
call('ZADD', P .. ':prio', 'NX', prio, q)
ready(id, q, due, ln)
return 1
