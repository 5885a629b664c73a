-- set_queue: pause, limit and priority of a queue.
-- KEYS  wf:{pool}
-- ARGV  queue, paused (1|0), limit (-1: none), priority (1 first)
-- reply 1
-- cost  O(log queues)
-- again idempotent
call('HSET', P .. ':qm:' .. ARGV[1], 'paused', ARGV[2], 'limit', ARGV[3])
call('ZADD', P .. ':prio', ARGV[4], ARGV[1])
call('DEL', P .. ':q:' .. ARGV[1]) -- the queue as versions before lanes kept it
wake('*')
return 1
