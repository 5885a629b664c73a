# check-* targets
