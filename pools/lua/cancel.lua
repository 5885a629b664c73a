-- cancel: takes a run out of its queue, or tells its owner.
-- KEYS  wf:{pool}
-- ARGV  run id, seconds that the record is kept
-- reply 1 removed from its queue; 2 flagged, the owner is woken; 0 not queued and not leased
-- cost  O(log n)
-- again idempotent
local id = ARGV[1]
local st, q = unpack(call('HMGET', R(id), 'st', 'q'))
if st == 'ready' then
  call('ZREM', P .. ':q:' .. q, id)
  call('HSET', R(id), 'st', 'drop')
  call('EXPIRE', R(id), ARGV[2])
  return 1
end
if st == 'leased' then
  call('HSET', R(id), 'cancel', '1')
  call('HDEL', R(id), 'want', 'wantq')
  wake('!' .. id)
  return 2
end
return 0
