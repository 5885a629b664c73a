-- claim: gives due runs to a worker, each with a lease and a new fence token.
-- KEYS  wf:{pool}
-- ARGV  worker, lease ms, most runs, prefetch ms, queue... (none: all)
-- reply flat, 7 for each run: id, token, queue, attempt, due ms, payload, gen
-- cost  O(queues + (lanes served + runs) * log n)
-- again not idempotent: an answer that gets lost leaves leases that expire and are requeued
--
-- By priority of the queue (1 first), then lanes in turn, then due time.  First what is due now in
-- every queue, then what becomes due within prefetch.  A limit counts leases, the expired ones
-- included until they are reaped: their owners may still be running.  A pool whose settings are not
-- here gives nothing: Redis lost its data, and the API has not yet told what is held.
local W, lease, room, pre = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local function left(key, limit, most)
  limit = tonumber(limit or '-1')
  if limit < 0 then return most end
  return math.min(most, limit - call('SCARD', key))
end
call('ZADD', P .. ':workers', now, W)
local pool = call('HMGET', P .. ':pool', 'paused', 'limit')
if pool[1] ~= '0' then return {} end
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
-- The token when the run was given out.
local function take(q, ln, id)
  call('ZREM', LN(q, ln), id)
  local f = call('HMGET', R(id), 'st', 'q', 'due', 'pl', 'gen')
  if f[1] ~= 'ready' or f[2] ~= q then return nil end
  local tok = fence()
  hold(id, q, W, tok, lease, ln)
  local att = call('HINCRBY', R(id), 'attempts', 1)
  for _, v in ipairs({ id, tok, q, att, f[3], f[4], f[5] }) do out[#out + 1] = v end
  return tok
end
-- The next due runs of a lane, as many as may be wanted.
local function next_of(q, ln, upto, most)
  local limit = tonumber(call('HGET', P .. ':lim', ln) or '0')
  if limit > 0 then most = math.min(most, limit - call('SCARD', P .. ':lheld:' .. ln)) end
  if most <= 0 then return {}, true end
  return call('ZRANGEBYSCORE', LN(q, ln), '-inf', upto, 'LIMIT', 0, most), false
end
-- The lanes whose turn it is; moved: looking at them changed something.
local function lanes(q, n, upto)
  -- A turn may lie behind the clock when that was set back; tokens show how late it has been.
  local clock = math.max(upto * 1000, tonumber(call('GET', P .. ':fence') or '0'))
  local list = call('ZRANGEBYSCORE', P .. ':t:' .. q, '-inf', clock, 'LIMIT', 0, n)
  local found, moved = {}, false
  for _, ln in ipairs(list) do
    local ids, is_full = next_of(q, ln, upto, math.ceil(n / #list))
    moved = moved or is_full or #ids > 0
    found[#found + 1] = { ln = ln, ids = ids }
  end
  return found, moved
end
-- One run of each lane, then another of each, until n are given out.
local function serve(q, n, upto)
  local given, round, more = 0, 1, true
  local found, moved = lanes(q, n, upto)
  while more and given < n do
    more = false
    for _, l in ipairs(found) do
      local id = l.ids[round]
      if id and given < n then
        more = true
        local tok = take(q, l.ln, id)
        if tok then given, l.tok = given + 1, tok end
      end
    end
    round = round + 1
  end
  for _, l in ipairs(found) do
    if l.tok then call('ZADD', P .. ':s:' .. q, l.tok, l.ln) end
    seat(q, l.ln)
  end
  if given > 0 then
    call('ZREMRANGEBYSCORE', P .. ':s:' .. q, '-inf', '(' .. (now - 60000) * 1000)
  end
  return given, moved
end
for _, upto in ipairs({ now, now + pre }) do
  for _, e in ipairs(queues) do
    local n, moved, given = math.min(room, e[2]), true, 0
    while n > 0 and moved do
      given, moved = serve(e[1], n, upto)
      room, e[2], n = room - given, e[2] - given, n - given
    end
  end
end
return out
