-- renew: prolongs leases of one worker.
-- KEYS  wf:{pool}
-- ARGV  worker, lease ms, then 5 for each lease: id, token, queue, gen, started (1|0)
-- reply for each lease: 1 ok; 2 ok and cancellation is wanted; 0 lost
-- cost  O(leases * log n)
-- again idempotent
--
-- A run of which nothing is known at all was lost with Redis' data: its owner brings it back.
-- With an empty queue it is not brought back but reported as lost.
local W, lease, out = ARGV[1], tonumber(ARGV[2]), {}
trim_workers()
call('ZADD', P .. ':workers', now, W)
for i = 3, #ARGV, 5 do
  local id, tok, q = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local st, tk, cancel = unpack(call('HMGET', R(id), 'st', 'tok', 'cancel'))
  if st == 'leased' and tk == tok then
    call('ZADD', P .. ':lease', now + lease, id)
    call('HSET', R(id), 'exp', now + lease, 'w', W)
    out[#out + 1] = cancel == '1' and 2 or 1
  elseif not st and q ~= '' then
    hold(id, q, W, tok, lease, '-')
    fence_above(tok)
    call('HSET', R(id), 'gen', ARGV[i + 3], 'attempts', 1)
    if ARGV[i + 4] == '1' then call('HSET', R(id), 'started', '1') end
    out[#out + 1] = 1
  else
    out[#out + 1] = 0
  end
end
return out
