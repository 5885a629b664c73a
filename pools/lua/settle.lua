-- settle: ends a lease and frees its slot.
-- KEYS  wf:{pool}
-- ARGV  run id, token, outcome (done|drop|requeue), due ms (requeue; 0: as before),
--       seconds that the record is kept
-- reply 1 settled, now or earlier with this token; 0 stale: the token is not the last one
-- cost  O(log n)
-- again idempotent
--
-- A run that was enqueued again while it was leased becomes ready whatever the outcome is.
-- With the new token of a lost run it confirms that the API knows about the loss.
local id, tok, oc, due, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local st, tk, q, odue, want, wantq =
  unpack(call('HMGET', R(id), 'st', 'tok', 'q', 'due', 'want', 'wantq'))
if not st or tk ~= tok then return 0 end
if st == 'lost' then
  call('ZREM', P .. ':lost', id)
  call('HSET', R(id), 'st', oc == 'drop' and 'drop' or 'done')
  call('EXPIRE', R(id), ttl)
  return 1
end
if st ~= 'leased' then return 1 end
unhold(id, q)
if want then
  renewed(id)
  ready(id, wantq, want)
elseif oc == 'requeue' then
  call('HDEL', R(id), 'started')
  ready(id, q, due == '0' and (odue or now) or due)
else
  call('HSET', R(id), 'st', oc)
  call('EXPIRE', R(id), ttl)
end
wake('*')
return 1
