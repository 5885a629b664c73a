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
local nb = math.floor(now + backoff + (backoff > 0 and t[2] % (backoff / 4 + 1) or 0))
local expired = call('ZRANGEBYSCORE', P .. ':lease', '-inf', '(' .. now, 'LIMIT', 0, most)
local function report(answer)
  for _, v in ipairs(answer) do out[#out + 1] = v end
end
for _, id in ipairs(expired) do report(take_away(id, attempts, nb, again) or {}) end
if expired[1] then wake('*') end
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
    report({ id, 'lost', otok, tok, w, att or '0', started or '0' })
  end
end
return out
