-- give_up: ends leases of a worker that is known to be dead (its processes are gone), before they
--          expire.
-- KEYS  wf:{pool}
-- ARGV  most attempts, report again ms, then 2 for each lease: id, token
-- reply flat, 7 for each run whose lease was ended, as reap: id, requeued|lost, old token, new
--       token, worker, attempts, started (1|0)
-- cost  O(leases * log n)
-- again a run is answered once: its token changes
--
-- Never started: ready again at once, until its attempts are used up.  Started: lost, and told
-- again by reap until it is settled with its new token.
local attempts, again, out, ended = tonumber(ARGV[1]), tonumber(ARGV[2]), {}, false
trim_workers()
for i = 3, #ARGV, 2 do
  if mine(ARGV[i], ARGV[i + 1]) then
    ended = true
    for _, v in ipairs(take_away(ARGV[i], attempts, nil, again) or {}) do out[#out + 1] = v end
  end
end
if ended then wake('*') end
return out
