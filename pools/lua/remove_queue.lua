-- remove_queue: forgets a queue and the runs that wait in it.
-- KEYS  wf:{pool}
-- ARGV  queue, most runs in this call
-- reply how many runs still wait in it: call again until 0
-- cost  O(runs)
-- again idempotent
--
-- Leased runs go on; a forgotten run can be enqueued again with the same gen.
local q, key = ARGV[1], P .. ':q:' .. ARGV[1]
call('ZREM', P .. ':prio', q)
call('DEL', P .. ':qm:' .. q)
for _, id in ipairs(call('ZRANGE', key, 0, ARGV[2] - 1)) do
  call('ZREM', key, id)
  call('DEL', R(id))
end
return call('ZCARD', key)
