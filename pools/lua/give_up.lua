-- give_up: ends leases of a worker that is known to be dead (its processes are gone), before they
--          expire.
-- KEYS  wf:{pool}
-- ARGV  most attempts, then 2 for each lease: id, token
-- reply flat, 7 for each run whose lease was ended, as reap: id, requeued|lost, old token, new
--       token, worker, attempts, started (1|0)
-- cost  O(leases * log n)
-- again a run is answered once: its token changes
--
-- Never started: ready again at once, until its attempts are used up.  Started: lost, and told
-- again by reap until it is settled with its new token.
local attempts, out = tonumber(ARGV[1]), {}
trim_workers()
local function one(id, tok)
  if not mine(id, tok) then return end
  local w, q, ln, due, att, started, want, wantq, wext =
    unpack(call('HMGET', R(id), 'w', 'q', 'ln', 'due', 'attempts', 'started', 'want', 'wantq', 'wext'))
  local new, verdict = fence(), 'requeued'
  q, ln = q or '', ln or '-'
  unhold(id, q, ln)
  call('HSET', R(id), 'tok', new)
  if want then
    renewed(id)
    ready(id, wantq, want, ln)
  elseif wext and started ~= '1' then
    hold_ext(id, q, ln, tonumber(wext))
  elseif started ~= '1' and tonumber(att or '0') < attempts then
    ready(id, q, due or now, ln)
  else
    verdict = 'lost'
    call('HSET', R(id), 'st', 'lost', 'lw', w or '', 'otok', tok, 'lat', now)
    call('ZADD', P .. ':lost', now + 30000, id)
  end
  for _, v in ipairs({ id, verdict, tok, new, w or '', att or '0', started or '0' }) do
    out[#out + 1] = v
  end
end
for i = 2, #ARGV, 2 do one(ARGV[i], ARGV[i + 1]) end
if #out > 0 then wake('*') end
return out
