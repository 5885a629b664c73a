-- SPDX-License-Identifier: Apache-2.0
-- 0009 draining a worker from afar: which process a worker is (it says so), and which one
-- was asked to drain.  A new process of the same name is another instance.

ALTER TABLE worker ADD COLUMN instance TEXT;
ALTER TABLE worker ADD COLUMN drain_instance TEXT;
