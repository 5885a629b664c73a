-- SPDX-License-Identifier: Apache-2.0
-- 0010 triggers: what automations have counted, what they are about to do, webhooks as
-- sources of events.

-- What trigger evaluation has not seen yet, in its order: events, changed automations.
CREATE TABLE trigger_feed (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind INTEGER NOT NULL,       -- 1 event, 2 automation
  object_id BLOB NOT NULL
) STRICT;
CREATE INDEX trigger_feed_object ON trigger_feed (object_id);
CREATE INDEX automation_enabled ON automation (enabled);

-- No reference to automation: evaluation writes these, and may be behind.
CREATE TABLE trigger_bucket (
  automation_id BLOB NOT NULL,
  trigger_id BLOB NOT NULL,
  bucket_key TEXT NOT NULL,    -- JSON list: the values of for_each
  start INTEGER NOT NULL,
  "end" INTEGER NOT NULL,
  count INTEGER NOT NULL,
  last_event BLOB,
  PRIMARY KEY (trigger_id, bucket_key)
) STRICT, WITHOUT ROWID;

-- Children of compound and sequence triggers that have fired.
CREATE TABLE trigger_child (
  automation_id BLOB NOT NULL,
  parent_id BLOB NOT NULL,
  child_id BLOB NOT NULL PRIMARY KEY,
  fired INTEGER NOT NULL,
  firing TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Events that wait for the one they follow.
CREATE TABLE trigger_parked (
  event_id BLOB NOT NULL PRIMARY KEY,
  received INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Actions of firings, until they are done.
CREATE TABLE automation_action (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  automation_id BLOB NOT NULL,
  body TEXT NOT NULL,          -- JSON: what to do, and why
  attempts INTEGER NOT NULL DEFAULT 0,
  due INTEGER NOT NULL
) STRICT;

CREATE TABLE webhook (
  id BLOB NOT NULL PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  enabled INTEGER NOT NULL DEFAULT 1,
  template TEXT NOT NULL,
  slug TEXT NOT NULL UNIQUE,
  service_account_id BLOB
) STRICT;
