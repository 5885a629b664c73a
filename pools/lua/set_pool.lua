-- set_pool: pause and limit of a pool.
-- KEYS  wf:{pool}
-- ARGV  paused (1|0), limit (-1: none), open (1: also a pool that is not known here)
-- reply 1; 0 it is not known here and stays so: nothing was written
-- cost  O(1)
-- again idempotent
--
-- A pool that is not known gives out nothing.  Whoever opens it has told before what is held.
if ARGV[3] ~= '1' and call('EXISTS', P .. ':pool') == 0 then return 0 end
call('HSET', P .. ':pool', 'paused', ARGV[1], 'limit', ARGV[2])
wake('*')
return 1
