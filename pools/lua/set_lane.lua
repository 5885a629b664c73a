-- set_lane: how many runs of a lane (a deployment) may be held at a time.
-- KEYS  wf:{pool}
-- ARGV  lane, limit (0: none)
-- reply 1
-- cost  O(queues that the lane waits in)
-- again idempotent
--
-- A limit that is new does not count what is held already: the API decides about each start in
-- any case, this only keeps runs from being claimed in vain.
local ln, limit = ARGV[1], tonumber(ARGV[2])
if limit > 0 then
  call('HSET', P .. ':lim', ln, limit)
else
  call('HDEL', P .. ':lim', ln)
  call('DEL', P .. ':lheld:' .. ln)
end
unpark(ln)
wake('*')
return 1
