-- drain_worker: tells a worker that it is to take no more runs, finish, and end.
-- KEYS  wf:{pool}
-- ARGV  worker
-- reply 1
-- cost  O(1)
-- again harmless: a hint, the worker's next heartbeat says the same
wake('-' .. ARGV[1])
return 1
