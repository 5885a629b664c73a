-- claim: gives due runs to a worker, each with a lease and a new fence token.
-- KEYS  wf:{pool}
-- ARGV  worker, lease ms, most runs, prefetch ms, queue... (none: all)
-- reply flat, 7 for each run: id, token, queue, attempt, due ms, payload, gen
-- cost  O(queues + runs * log n)
-- again not idempotent: an answer that gets lost leaves leases that expire and are requeued
--
-- By priority of the queue (1 first), then due time.  First what is due now in every queue,
-- then what becomes due within prefetch.  A limit counts leases, the expired ones included
-- until they are reaped: their owners may still be running.
local W, lease, room, pre = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local function left(key, limit, most)
  limit = tonumber(limit or '-1')
  if limit < 0 then return most end
  return math.min(most, limit - call('SCARD', key))
end
call('ZADD', P .. ':workers', now, W)
local pool = call('HMGET', P .. ':pool', 'paused', 'limit')
if pool[1] == '1' then return {} end
room = left(P .. ':held', pool[2], room)
local only
for i = 5, #ARGV do
  only = only or {}
  only[ARGV[i]] = true
end
local queues, out = {}, {}
if room > 0 then
  for _, q in ipairs(call('ZRANGE', P .. ':prio', 0, -1)) do
    if not only or only[q] then
      local m = call('HMGET', P .. ':qm:' .. q, 'paused', 'limit')
      local n = m[1] == '1' and 0 or left(P .. ':qheld:' .. q, m[2], room)
      if n > 0 then queues[#queues + 1] = { q, n } end
    end
  end
end
local function take(e, id)
  local q = e[1]
  call('ZREM', P .. ':q:' .. q, id)
  local f = call('HMGET', R(id), 'st', 'q', 'due', 'pl', 'gen')
  if f[1] ~= 'ready' or f[2] ~= q then return end
  local tok = fence()
  hold(id, q, W, tok, lease)
  local att = call('HINCRBY', R(id), 'attempts', 1)
  for _, v in ipairs({ id, tok, q, att, f[3], f[4], f[5] }) do out[#out + 1] = v end
  room, e[2] = room - 1, e[2] - 1
end
for _, upto in ipairs({ now, now + pre }) do
  for _, e in ipairs(queues) do
    local n = math.min(room, e[2])
    if n > 0 then
      local ids = call('ZRANGEBYSCORE', P .. ':q:' .. e[1], '-inf', upto, 'LIMIT', 0, n)
      for _, id in ipairs(ids) do take(e, id) end
    end
  end
end
return out
