-- reap: takes runs away from owners that stopped renewing.
-- KEYS  wf:{pool}
-- ARGV  most runs, most attempts, back-off ms, gap ms, grace ms, report again ms, forget ms
-- reply flat, 7 for each run: id, requeued|lost, old token, new token, worker, attempts,
--       started (1|0)
-- cost  O(runs * log n)
-- again not idempotent, but a `lost` is reported again, less and less often for a day, until it
--       is settled with its new token
--
-- Never started: requeued, until its attempts are used up.  Started: lost, or requeued when the
-- API enqueued it again meanwhile.  Runs of workers without leases that the API no longer speaks
-- for are not counted any more, and not reported.  When nobody reaped for longer than gap, Redis
-- or the reapers were away: owners get one grace to renew before anything is taken.
local most, attempts, backoff = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local gap, grace = tonumber(ARGV[4]), tonumber(ARGV[5])
local again, forget, out = tonumber(ARGV[6]), tonumber(ARGV[7]), {}
trim_workers()
local last, from = unpack(call('HMGET', P .. ':reap', 'last', 'from'))
if not last or now - last > gap then from = now + grace end
call('HSET', P .. ':reap', 'last', now, 'from', from)
if now < tonumber(from) then return out end
local freed
local function report(...)
  for _, v in ipairs({ ... }) do out[#out + 1] = v end
end
for _, id in ipairs(call('ZRANGEBYSCORE', P .. ':lease', '-inf', '(' .. now, 'LIMIT', 0, most)) do
  local st, w, tok, q, ln, att, started, want, wantq, wext = unpack(call('HMGET', R(id), 'st', 'w',
    'tok', 'q', 'ln', 'attempts', 'started', 'want', 'wantq', 'wext'))
  local new, verdict = '0', 'requeued'
  q, ln = q or '', ln or '-'
  unhold(id, q, ln)
  if st ~= 'ext' then
    new = fence()
    call('HSET', R(id), 'tok', new)
  end
  if st == 'ext' then
    verdict = nil
    call('HSET', R(id), 'st', 'drop')
    call('EXPIRE', R(id), 3600)
  elseif want then
    renewed(id)
    ready(id, wantq, want, ln)
  elseif wext and started ~= '1' then
    verdict = nil
    hold_ext(id, q, ln, tonumber(wext))
  elseif started ~= '1' and tonumber(att or '0') < attempts then
    local nb = now + backoff + (backoff > 0 and t[2] % (backoff / 4 + 1) or 0)
    nb = math.floor(nb)
    call('HSET', R(id), 'nb', nb)
    ready(id, q, nb, ln)
  else
    verdict = 'lost'
    call('HSET', R(id), 'st', 'lost', 'lw', w or '', 'otok', tok or '0', 'lat', now)
    call('ZADD', P .. ':lost', now + again, id)
  end
  freed = true
  if verdict then report(id, verdict, tok or '0', new, w or '', att or '0', started or '0') end
end
if freed then wake('*') end
local room = most - #out / 7
if room <= 0 then return out end
for _, id in ipairs(call('ZRANGEBYSCORE', P .. ':lost', '-inf', now, 'LIMIT', 0, room)) do
  local st, w, otok, tok, att, started, lat =
    unpack(call('HMGET', R(id), 'st', 'lw', 'otok', 'tok', 'attempts', 'started', 'lat'))
  if st ~= 'lost' or now - (lat or 0) > forget then
    call('ZREM', P .. ':lost', id)
    if st == 'lost' then call('EXPIRE', R(id), 3600) end
  else
    local n = call('HINCRBY', R(id), 'reports', 1)
    call('ZADD', P .. ':lost', now + again * 2 ^ n, id)
    report(id, 'lost', otok, tok, w, att or '0', started or '0')
  end
end
return out
