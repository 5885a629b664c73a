-- start: the last question before a process is started: is the run still mine?
-- KEYS  wf:{pool}
-- ARGV  run id, token
-- reply 1 go; 2 cancellation is wanted; 0 the lease is lost
-- cost  O(1)
-- again idempotent
local id, tok = ARGV[1], ARGV[2]
if not mine(id, tok) then return 0 end
if call('HGET', R(id), 'cancel') == '1' then return 2 end
call('HSET', R(id), 'started', '1')
return 1
