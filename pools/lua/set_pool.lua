-- set_pool: pause and limit of a pool.
-- KEYS  wf:{pool}
-- ARGV  paused (1|0), limit (-1: none)
-- reply 1
-- cost  O(1)
-- again idempotent
call('HSET', P .. ':pool', 'paused', ARGV[1], 'limit', ARGV[2])
wake('*')
return 1
