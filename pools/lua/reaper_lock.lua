-- reaper_lock: one reaper at a time, for reapers that want it (reap itself is safe without).
-- KEYS  wf:{pool}
-- ARGV  owner, ms
-- reply 1 ours for that time; 0 somebody else's
-- cost  O(1)
-- again idempotent: an owner prolongs its own
local k = P .. ':reaper'
local o = call('GET', k)
if o and o ~= ARGV[1] then return 0 end
call('SET', k, ARGV[1], 'PX', ARGV[2])
return 1
