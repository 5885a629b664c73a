-- epoch: is this still the data set that we filled?
-- KEYS  wf:epoch (the only key that belongs to no pool)
-- ARGV  marker of the database
-- reply 1 the marker is there; 0 it was not (it is now): enqueue everything again
-- cost  O(1)
-- again the first call after a loss answers 0, later ones 1
if call('GET', P) == ARGV[1] then return 1 end
call('SET', P, ARGV[1])
return 0
