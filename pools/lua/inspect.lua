-- inspect: what is known about runs.
-- KEYS  wf:{pool}
-- ARGV  run id...
-- reply flat, 8 for each run: state ('' unknown), queue, worker, gen, attempts, expiry ms,
--       token, started
-- cost  O(runs)
-- again reads only
local out = {}
for _, id in ipairs(ARGV) do
  local f =
    call('HMGET', R(id), 'st', 'q', 'w', 'gen', 'attempts', 'exp', 'tok', 'started', 'ln')
  if f[1] == 'ready' and not f[9] then f[1] = '' end -- of a version before lanes
  for i = 1, 8 do out[#out + 1] = f[i] or '' end
end
return out
