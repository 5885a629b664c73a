-- settle: ends a lease and frees its slot.
-- KEYS  wf:{pool}
-- ARGV  run id, token, outcome (done|drop|requeue), due ms (requeue; 0: as before),
--       seconds that the record is kept
-- reply 1 settled, now or earlier with this token; 0 stale: the token is not the last one
-- cost  O(log n)
-- again idempotent
--
-- A run that was enqueued again while it was leased becomes ready whatever the outcome is; one
-- that another kind of worker got instead is counted for that one.
-- With the new token of a lost run it confirms that the API knows about the loss.
local id, tok, oc, due, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local st, tk, q, odue, want, wantq, wext, ln =
  unpack(call('HMGET', R(id), 'st', 'tok', 'q', 'due', 'want', 'wantq', 'wext', 'ln'))
ln = ln or '-'
if not st or tk ~= tok then return 0 end
if st == 'lost' then
  call('ZREM', P .. ':lost', id)
  call('HSET', R(id), 'st', oc == 'drop' and 'drop' or 'done')
  call('EXPIRE', R(id), ttl)
  return 1
end
if st ~= 'leased' then return 1 end
unhold(id, q, ln)
if want then
  renewed(id)
  -- a delivery that was refused is not repeated at once
  ready(id, wantq, oc == 'drop' and math.max(tonumber(want), now + 1000) or want, ln)
elseif wext and oc ~= 'done' then
  hold_ext(id, q, ln, tonumber(wext))
elseif oc == 'requeue' then
  call('HDEL', R(id), 'started')
  ready(id, q, due == '0' and (odue or now) or due, ln)
else
  call('HSET', R(id), 'st', oc)
  if oc == 'drop' then call('HSET', R(id), 'dropped', now) end
  call('EXPIRE', R(id), ttl)
end
wake('*')
return 1
