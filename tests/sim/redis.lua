-- SPDX-License-Identifier: Apache-2.0
-- redis.lua - the commands of Redis that pools/ uses, over tables: the simulator's Redis.
--
-- The scripts of pools/lua/ run unchanged on the same Lua (5.1) that Redis embeds; only
-- redis.call() is ours.  tests/unit/test_pools_fake holds it to the contract tests of the real one.
-- A key: { kind = "hash" | "zset" | "set" | "string", v = ..., exp = ms or nil }.
local db, loaded, snapshot = {}, {}, nil
local commands, clock_us = {}, 0
local WRONGTYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'

local function text(v)
  if type(v) == 'number' then return string.format('%.17g', v) end
  if type(v) ~= 'string' then error('ERR arguments must be strings or integers', 0) end
  return v
end
local function int(v)
  local n = tonumber(v)
  if not n or n ~= math.floor(n) then error('ERR value is not an integer or out of range', 0) end
  return n
end
local function now_ms() return math.floor(clock_us / 1000) end

local function get(key, kind)
  local e = db[key]
  if e and e.exp and e.exp <= now_ms() then
    db[key], e = nil, nil
  end
  if e and kind and e.kind ~= kind then error(WRONGTYPE, 0) end
  return e
end
local function make(key, kind)
  local e = get(key, kind)
  if not e then
    e = { kind = kind, v = kind == 'string' and '' or {}, n = 0 }
    db[key] = e
  end
  return e
end
-- An empty collection is no key.
local function tidy(key, e)
  if e.kind ~= 'string' and e.n == 0 then db[key] = nil end
end

-- one member of a hash, set or sorted set: 1 when it is new
local function put(e, m, v)
  local new = e.v[m] == nil
  e.v[m] = v
  if new then e.n = e.n + 1 end
  e.order = nil
  return new and 1 or 0
end
local function drop(key, kind, members)
  local e, n = get(key, kind), 0
  if not e then return 0 end
  for _, m in ipairs(members) do
    if e.v[m] ~= nil then
      e.v[m], n, e.n = nil, n + 1, e.n - 1
    end
  end
  e.order = nil
  tidy(key, e)
  return n
end
-- the arguments as texts
local function args(...)
  local out = { ... }
  for i = 1, select('#', ...) do
    if type(out[i]) ~= 'string' then out[i] = text(out[i]) end
  end
  return out
end
local function sorted(e)
  if not e then return {} end
  if not e.order then
    local o, v = {}, e.v
    for m in pairs(v) do o[#o + 1] = m end
    if e.kind == 'zset' then
      table.sort(o, function(a, b)
        if v[a] ~= v[b] then return v[a] < v[b] end
        return a < b
      end)
    else
      table.sort(o)
    end
    e.order = o
  end
  return e.order
end

-- hashes
function commands.HSET(key, ...)
  local e, n, a = make(key, 'hash'), 0, args(...)
  for i = 1, #a, 2 do n = n + put(e, a[i], a[i + 1]) end
  return n
end
function commands.HGET(key, f)
  local e = get(key, 'hash')
  return e and e.v[text(f)] or false
end
function commands.HMGET(key, ...)
  local e, out = get(key, 'hash'), args(...)
  for i = 1, #out do out[i] = e and e.v[out[i]] or false end
  return out
end
function commands.HGETALL(key)
  local e, out = get(key, 'hash'), {}
  for _, f in ipairs(sorted(e)) do
    out[#out + 1] = f
    out[#out + 1] = e.v[f]
  end
  return out
end
function commands.HEXISTS(key, f) return commands.HGET(key, f) and 1 or 0 end
function commands.HDEL(key, ...) return drop(key, 'hash', args(...)) end
function commands.HINCRBY(key, f, by)
  local e = make(key, 'hash')
  local n = int(e.v[text(f)] or '0') + int(by)
  put(e, text(f), string.format('%.0f', n))
  return n
end

-- sorted sets
local function score(s)
  if s == '-inf' then return -math.huge end
  if s == '+inf' then return math.huge end
  return tonumber(s) or error('ERR value is not a valid float', 0)
end
local function bound(s)
  s = text(s)
  if s:sub(1, 1) == '(' then return score(s:sub(2)), true end
  return score(s), false
end
function commands.ZADD(key, ...)
  local a, i, nx, xx = args(...), 1, false, false
  while a[i] == 'NX' or a[i] == 'XX' do
    nx, xx = nx or a[i] == 'NX', xx or a[i] == 'XX'
    i = i + 1
  end
  local e, n = make(key, 'zset'), 0
  for k = i, #a, 2 do
    local known = e.v[a[k + 1]] ~= nil
    if not (nx and known) and not (xx and not known) then n = n + put(e, a[k + 1], score(a[k])) end
  end
  tidy(key, e)
  return n
end
function commands.ZREM(key, ...) return drop(key, 'zset', args(...)) end
function commands.ZCARD(key)
  local e = get(key, 'zset')
  return e and e.n or 0
end
function commands.ZSCORE(key, m)
  local e = get(key, 'zset')
  return e and e.v[text(m)] and text(e.v[text(m)]) or false
end
-- The first member alone, without sorting what changes all the time.
local function first(e)
  local best
  for m, s in pairs(e.v) do
    if not best or s < e.v[best] or s == e.v[best] and m < best then best = m end
  end
  return { best }
end
function commands.ZRANGE(key, from, to, withscores)
  local e, out = get(key, 'zset'), {}
  from, to = int(from), int(to)
  local o = e and not e.order and from == 0 and to == 0 and first(e) or sorted(e)
  if from < 0 then from = math.max(from + #o, 0) end
  if to < 0 then to = to + #o end
  for i = from + 1, math.min(to + 1, #o) do
    out[#out + 1] = o[i]
    if withscores then out[#out + 1] = text(e.v[o[i]]) end
  end
  return out
end
function commands.ZRANGEBYSCORE(key, from, to, limit, offset, count)
  local e, out = get(key, 'zset'), {}
  local lo, lo_open = bound(from)
  local hi, hi_open = bound(to)
  local skip, most = limit and int(offset) or 0, limit and int(count) or -1
  if not e then return out end
  for _, m in ipairs(sorted(e)) do
    local s = e.v[m]
    if s > hi or #out == most then break end
    if (s > lo or s == lo and not lo_open) and (s < hi or s == hi and not hi_open) then
      if skip > 0 then
        skip = skip - 1
      else
        out[#out + 1] = m
      end
    end
  end
  return out
end
function commands.ZREMRANGEBYSCORE(key, from, to)
  local gone = commands.ZRANGEBYSCORE(key, from, to)
  return #gone > 0 and drop(key, 'zset', gone) or 0
end

-- sets
function commands.SADD(key, ...)
  local e, n = make(key, 'set'), 0
  for _, m in ipairs(args(...)) do n = n + put(e, m, true) end
  return n
end
function commands.SREM(key, ...) return drop(key, 'set', args(...)) end
function commands.SCARD(key)
  local e = get(key, 'set')
  return e and e.n or 0
end
function commands.SMEMBERS(key)
  local out = {}
  for i, m in ipairs(sorted(get(key, 'set'))) do out[i] = m end
  return out
end
function commands.SISMEMBER(key, m)
  local e = get(key, 'set')
  return e and e.v[text(m)] and 1 or 0
end

-- strings and keys
function commands.GET(key)
  local e = get(key, 'string')
  return e and e.v or false
end
function commands.SET(key, v, px, ms)
  db[key] = { kind = 'string', v = text(v) }
  if px == 'PX' then db[key].exp = now_ms() + int(ms) end
  return { ok = 'OK' }
end
function commands.EXPIRE(key, s)
  local e = get(key)
  if not e then return 0 end
  e.exp = now_ms() + int(s) * 1000
  return 1
end
function commands.PERSIST(key)
  local e = get(key)
  if not e or not e.exp then return 0 end
  e.exp = nil
  return 1
end
function commands.TTL(key)
  local e = get(key)
  return not e and -2 or not e.exp and -1 or math.floor((e.exp - now_ms() + 500) / 1000)
end
function commands.DEL(...)
  local n = 0
  for _, k in ipairs(args(...)) do
    if get(k) then
      db[k], n = nil, n + 1
    end
  end
  return n
end
commands.UNLINK = commands.DEL
function commands.EXISTS(key) return get(key) and 1 or 0 end
local function keys()
  local all = {}
  for k in pairs(db) do
    if get(k) then all[#all + 1] = k end
  end
  table.sort(all)
  return all
end
function commands.EXISTS(key) return get(key) and 1 or 0 end
function commands.DBSIZE() return #keys() end
function commands.FLUSHALL()
  db = {}
  return { ok = 'OK' }
end
-- a glob of Redis as a pattern of Lua; * and ? and escapes, which is all that pools/ sends
local function glob(p)
  local out, i = {}, 1
  while i <= #p do
    local c = p:sub(i, i)
    if c == '*' then
      out[#out + 1] = '.*'
    elseif c == '?' then
      out[#out + 1] = '.'
    else
      if c == '\\' then
        i = i + 1
        c = p:sub(i, i)
      end
      out[#out + 1] = (c:gsub('%p', '%%%0'))
    end
    i = i + 1
  end
  return '^' .. table.concat(out) .. '$'
end
function commands.SCAN(cursor, match, pattern)
  local out, g = {}, glob(text(pattern))
  assert(cursor == '0' and match == 'MATCH')
  for _, k in ipairs(keys()) do
    if k:find(g) then out[#out + 1] = k end
  end
  return { '0', out }
end
function commands.TIME()
  return { string.format('%.0f', math.floor(clock_us / 1e6)), string.format('%.0f', clock_us % 1e6) }
end
function commands.PUBLISH(channel, message) return sim_publish(text(channel), text(message)) end
function commands.PING() return { ok = 'PONG' } end

-- Redis answers integers to scripts as numbers, nothing as false, errors by raising them.
redis = {}
function redis.call(name, key, ...)
  local f = commands[name] or commands[name:upper()]
  if not f then error('ERR unknown command ' .. name, 0) end
  if key == nil then return f() end
  return f(type(key) == 'string' and key or text(key), ...)
end

local function run(chunk, nkeys, ...)
  local a = { ... }
  KEYS, ARGV = {}, {}
  for i = 1, #a do
    if i <= nkeys then KEYS[#KEYS + 1] = a[i] else ARGV[#ARGV + 1] = a[i] end
  end
  return chunk()
end
function commands.EVALSHA(sha, nkeys, ...)
  if not loaded[sha] then error('NOSCRIPT No matching script. Please use EVAL.', 0) end
  return run(loaded[sha], int(nkeys), ...)
end
local shas = {} -- the same few texts again and again
function commands.EVAL(script, nkeys, ...)
  local sha = shas[script] or sim_sha1(script)
  shas[script] = sha
  loaded[sha] = loaded[sha] or sim_compile(sha, script)
  return run(loaded[sha], int(nkeys), ...)
end

-- ---- for the simulator ----
function sim_command(us, ...)
  clock_us = us
  return redis.call(...)
end
local function copy(v)
  if type(v) ~= 'table' then return v end
  local out = {}
  for k, x in pairs(v) do out[k] = copy(x) end
  return out
end
function sim_save() snapshot = copy(db) end
-- starts again: "all" keeps everything, "saved" what was there at sim_save(), "empty" nothing
function sim_restart(kind)
  if kind == 'empty' then db = {} end
  if kind == 'saved' and snapshot then db = copy(snapshot) end
  loaded = {}
end
function sim_dump()
  for _, k in ipairs(keys()) do
    local e, out = db[k], {}
    if e.kind == 'string' then
      out[1] = e.v
    else
      for _, m in ipairs(sorted(e)) do out[#out + 1] = m .. (e.v[m] == true and '' or '=' .. tostring(e.v[m])) end
    end
    sim_trace(k .. ' ' .. table.concat(out, ' '))
  end
end
