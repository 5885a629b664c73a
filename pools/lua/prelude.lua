-- prelude: put in front of every script.  KEYS[1] is wf:{<pool>}, the prefix of the pool's keys.
-- now: Redis time in ms.  Every script that returns early has written nothing before.
local P, call = KEYS[1], redis.call
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function R(id) return P .. ':run:' .. id end
-- Wake-ups: '=<queue>' work became ready, '!<run>' cancel it, '-<worker>' it is to drain,
-- '*' look at everything.
local function wake(what) call('PUBLISH', P .. ':wake', what) end
-- A lane is what one deployment has waiting in one queue ('-': runs of none).  :ln:<lane>:<queue>
-- holds its runs by due time; :t:<queue> holds the lanes by turn: the due time of the first run,
-- or the token that the lane was served with last when that is later (both in us).  So the lane
-- that was served longest ago is next, and whoever was never served comes by due time.
local function LN(q, ln) return P .. ':ln:' .. ln .. ':' .. q end
local function full(ln)
  local limit = tonumber(call('HGET', P .. ':lim', ln) or '0')
  return limit > 0 and call('SCARD', P .. ':lheld:' .. ln) >= limit
end
-- Gives the lane its turn, after anything about it changed.  A full one waits behind all others.
local function seat(q, ln)
  local head = call('ZRANGE', LN(q, ln), 0, 0, 'WITHSCORES')
  if not head[1] then
    call('ZREM', P .. ':t:' .. q, ln)
  elseif full(ln) then
    call('ZADD', P .. ':t:' .. q, '+inf', ln)
    call('SADD', P .. ':parked:' .. ln, q)
  else
    local served = tonumber(call('ZSCORE', P .. ':s:' .. q, ln) or '0')
    call('ZADD', P .. ':t:' .. q, math.max(head[2] * 1000, served), ln)
  end
end
local function unpark(ln)
  local k = P .. ':parked:' .. ln
  if call('EXISTS', k) == 0 then return end
  local queues = call('SMEMBERS', k)
  call('DEL', k)
  for _, q in ipairs(queues) do seat(q, ln) end
end
local function ready(id, q, due, ln)
  call('HSET', R(id), 'st', 'ready', 'q', q, 'due', due, 'ln', ln)
  call('ZADD', LN(q, ln), due, id)
  seat(q, ln)
  wake('=' .. q)
end
local function unready(id, q, ln)
  call('ZREM', LN(q, ln), id)
  seat(q, ln)
end
-- What limits count: leases, and runs of workers that have none (st `ext`).
local function count(id, q, ln, upto)
  call('ZADD', P .. ':lease', upto, id)
  call('SADD', P .. ':held', id)
  call('SADD', P .. ':qheld:' .. q, id)
  if call('HEXISTS', P .. ':lim', ln) == 1 then call('SADD', P .. ':lheld:' .. ln, id) end
end
local function hold(id, q, w, tok, lease, ln)
  call('HSET', R(id), 'st', 'leased', 'q', q, 'w', w, 'tok', tok, 'exp', now + lease)
  count(id, q, ln, now + lease)
end
local function hold_ext(id, q, ln, ms)
  call('HSET', R(id), 'st', 'ext', 'q', q, 'ln', ln, 'exp', now + ms)
  count(id, q, ln, now + ms)
end
local function unhold(id, q, ln)
  call('ZREM', P .. ':lease', id)
  call('SREM', P .. ':held', id)
  call('SREM', P .. ':qheld:' .. q, id)
  call('HDEL', R(id), 'w', 'exp', 'want', 'wantq', 'wext')
  if call('HEXISTS', P .. ':lim', ln) == 1 then
    call('SREM', P .. ':lheld:' .. ln, id)
    unpark(ln)
  end
end
-- A new life of the run: nothing of the earlier one counts any more.
local function renewed(id)
  call('HDEL', R(id), 'attempts', 'started', 'cancel', 'nb', 'lat', 'reports', 'dropped')
end
local function mine(id, tok)
  local f = call('HMGET', R(id), 'st', 'tok')
  return f[1] == 'leased' and f[2] == tok
end
-- Tokens only grow, also when Redis forgot the last ones: they are never behind the time in us.
local function fence()
  local v = math.max(tonumber(call('GET', P .. ':fence') or '0') + 1, t[1] * 1e6 + t[2])
  v = string.format('%.0f', v)
  call('SET', P .. ':fence', v)
  return v
end
-- Takes a counted run away from its owner.  Never started: ready again at NB (nil: when it was
-- due), until its attempts are used up.  Started: lost, and told again after AGAIN ms.  The answer
-- about the run, or nil when the API knows: it enqueued meanwhile for a worker without leases, or
-- that worker's run is not counted any more.
local function take_away(id, attempts, nb, again)
  local st, w, tok, q, ln, due, att, started, want, wantq, wext = unpack(call('HMGET', R(id), 'st',
    'w', 'tok', 'q', 'ln', 'due', 'attempts', 'started', 'want', 'wantq', 'wext'))
  q, ln, att, started = q or '', ln or '-', att or '0', started or '0'
  unhold(id, q, ln)
  if st == 'ext' then
    call('HSET', R(id), 'st', 'drop')
    call('EXPIRE', R(id), 3600)
    return nil
  end
  local new, verdict = fence(), 'requeued'
  call('HSET', R(id), 'tok', new)
  if want then
    renewed(id)
    ready(id, wantq, want, ln)
  elseif wext and started ~= '1' then
    hold_ext(id, q, ln, tonumber(wext))
    return nil
  elseif started ~= '1' and tonumber(att) < attempts then
    if nb then call('HSET', R(id), 'nb', nb) end
    ready(id, q, nb or due or now, ln)
  else
    verdict = 'lost'
    call('HSET', R(id), 'st', 'lost', 'lw', w or '', 'otok', tok or '0', 'lat', now)
    call('ZADD', P .. ':lost', now + again, id)
  end
  return { id, verdict, tok or '0', new, w or '', att, started }
end
-- TOK was given out before: later ones are larger, whatever Redis forgot and its clock says.
local function fence_above(tok)
  if tonumber(tok) > tonumber(call('GET', P .. ':fence') or '0') then
    call('SET', P .. ':fence', string.format('%.0f', tonumber(tok)))
  end
end
-- Forgets workers that were not seen for a day.  Also lets a script go on that must not fail when
-- memory is full: Redis refuses only the first write of a script, and only one that adds.
local function trim_workers()
  call('ZREMRANGEBYSCORE', P .. ':workers', '-inf', now - 86400000)
end
