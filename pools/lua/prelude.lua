-- prelude: put in front of every script.  KEYS[1] is wf:{<pool>}, the prefix of the pool's keys.
-- now: Redis time in ms.  Every script that returns early has written nothing before.
local P, call = KEYS[1], redis.call
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function R(id) return P .. ':run:' .. id end
-- Wake-ups: '=<queue>' work became ready, '!<run>' cancel it, '*' look at everything.
local function wake(what) call('PUBLISH', P .. ':wake', what) end
local function ready(id, q, due)
  call('HSET', R(id), 'st', 'ready', 'q', q, 'due', due)
  call('ZADD', P .. ':q:' .. q, due, id)
  wake('=' .. q)
end
local function hold(id, q, w, tok, lease)
  call('HSET', R(id), 'st', 'leased', 'q', q, 'w', w, 'tok', tok, 'exp', now + lease)
  call('ZADD', P .. ':lease', now + lease, id)
  call('SADD', P .. ':held', id)
  call('SADD', P .. ':qheld:' .. q, id)
end
local function unhold(id, q)
  call('ZREM', P .. ':lease', id)
  call('SREM', P .. ':held', id)
  call('SREM', P .. ':qheld:' .. q, id)
  call('HDEL', R(id), 'w', 'exp', 'want', 'wantq')
end
-- A new life of the run: nothing of the earlier one counts any more.
local function renewed(id)
  call('HDEL', R(id), 'attempts', 'started', 'cancel', 'nb', 'lat', 'reports')
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
-- Forgets workers that were not seen for a day.  Also lets a script go on that must not fail when
-- memory is full: Redis refuses only the first write of a script, and only one that adds.
local function trim_workers()
  call('ZREMRANGEBYSCORE', P .. ':workers', '-inf', now - 86400000)
end
