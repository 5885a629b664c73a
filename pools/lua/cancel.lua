-- cancel: takes a run out of its queue, or tells its owner.
-- KEYS  wf:{pool}
-- ARGV  run id, seconds that the record is kept
-- reply 1 removed from its queue, or no longer counted; 2 flagged, the owner is woken;
--       0 neither queued nor held
-- cost  O(log n)
-- again idempotent
local id = ARGV[1]
local st, q, ln = unpack(call('HMGET', R(id), 'st', 'q', 'ln'))
if st == 'ready' or st == 'ext' then
  if st == 'ready' then
    unready(id, q, ln or '-')
  else
    unhold(id, q, ln or '-')
    wake('*')
  end
  call('HSET', R(id), 'st', 'drop')
  call('EXPIRE', R(id), ARGV[2])
  return 1
end
if st == 'leased' then
  call('HSET', R(id), 'cancel', '1')
  call('HDEL', R(id), 'want', 'wantq', 'wext')
  wake('!' .. id)
  return 2
end
return 0
