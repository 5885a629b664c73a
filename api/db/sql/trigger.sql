-- SPDX-License-Identifier: Apache-2.0
-- Evaluation of triggers (api/services/trigger_*.c) and their actions (api/actions/).

-- Nothing is fed while no automation is on.
-- name: trigger_feed_event
-- hot
INSERT INTO trigger_feed (kind, object_id)
SELECT 1, ?1 WHERE EXISTS (SELECT 1 FROM automation a WHERE a.enabled = 1);
-- name: trigger_feed_automation
INSERT INTO trigger_feed (kind, object_id) VALUES (2, ?1);
-- name: trigger_feed_owned
INSERT INTO trigger_feed (kind, object_id)
SELECT 2, r.automation_id FROM automation_related_resource r
JOIN automation a ON a.id = r.automation_id
WHERE r.resource_id = ?1 AND r.owned = 1 AND a.created < ?2;
-- name: trigger_feed_batch
SELECT f.id, f.kind, f.object_id, e.event, e.resource_id, e.occurred, e.received,
  e.follows, e.resource, e.related, e.payload
FROM trigger_feed f LEFT JOIN event e ON f.kind = 1 AND e.id = f.object_id
ORDER BY f.id LIMIT ?1;
-- name: trigger_feed_delete
DELETE FROM trigger_feed WHERE id = ?1;
-- name: trigger_feed_count
SELECT count(*) FROM trigger_feed;
-- name: trigger_event_seen
SELECT 1 FROM event e WHERE e.id = ?1
  AND NOT EXISTS (SELECT 1 FROM trigger_feed f WHERE f.object_id = e.id)
  AND NOT EXISTS (SELECT 1 FROM trigger_parked p WHERE p.event_id = e.id);
-- name: event_by_id
SELECT id, occurred, received, event, resource, related, payload, follows
FROM event WHERE id = ?1;

-- name: trigger_bucket_put
INSERT INTO trigger_bucket (automation_id, trigger_id, bucket_key, start, "end", count,
  last_event)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (trigger_id, bucket_key) DO UPDATE SET start = excluded.start,
  "end" = excluded."end", count = excluded.count, last_event = excluded.last_event;
-- name: trigger_bucket_delete
DELETE FROM trigger_bucket WHERE trigger_id = ?1 AND bucket_key = ?2;
-- name: trigger_bucket_all
SELECT automation_id, trigger_id, bucket_key, start, "end", count, last_event
FROM trigger_bucket;
-- name: trigger_bucket_of
SELECT trigger_id, bucket_key, start, "end", count FROM trigger_bucket
WHERE automation_id = ?1 ORDER BY start LIMIT ?2;
-- name: trigger_child_put
INSERT INTO trigger_child (automation_id, parent_id, child_id, fired, firing)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (child_id) DO UPDATE SET fired = excluded.fired, firing = excluded.firing;
-- name: trigger_child_delete
DELETE FROM trigger_child WHERE child_id = ?1;
-- name: trigger_child_all
SELECT automation_id, parent_id, child_id, fired, firing FROM trigger_child;
-- name: trigger_child_of
SELECT child_id, fired FROM trigger_child WHERE automation_id = ?1 ORDER BY fired;
-- name: trigger_park
INSERT INTO trigger_parked (event_id, received) VALUES (?1, ?2)
ON CONFLICT (event_id) DO NOTHING;
-- name: trigger_unpark
DELETE FROM trigger_parked WHERE event_id = ?1;
-- name: trigger_parked_all
SELECT p.received, e.id, e.occurred, e.event, e.resource, e.related, e.payload,
  e.follows, p.event_id
FROM trigger_parked p LEFT JOIN event e ON e.id = p.event_id
ORDER BY p.received, p.event_id;
-- name: trigger_automations
SELECT id, created, updated, name, description, enabled, tags, "trigger", actions,
  actions_on_trigger, actions_on_resolve
FROM automation ORDER BY created, id;

-- name: action_insert
INSERT INTO automation_action (automation_id, body, attempts, due)
VALUES (?1, ?2, 0, ?3);
-- name: action_batch
SELECT id, body, attempts, due FROM automation_action
WHERE id > ?1 ORDER BY id LIMIT ?2;
-- name: action_retry
UPDATE automation_action SET attempts = ?2, due = ?3 WHERE id = ?1;
-- name: action_delete
DELETE FROM automation_action WHERE id = ?1;
-- name: action_count
SELECT count(*) FROM automation_action;
-- name: action_count_of
SELECT count(*) FROM automation_action WHERE automation_id = ?1;

-- Webhooks.  Columns: id created updated name description enabled template slug
-- service_account_id.
-- name: webhook_insert
INSERT INTO webhook (id, created, updated, name, description, enabled, template, slug,
  service_account_id)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8);
-- name: webhook_by_id
SELECT id, created, updated, name, description, enabled, template, slug,
  service_account_id
FROM webhook WHERE id = ?1;
-- name: webhook_by_slug
SELECT id, created, updated, name, description, enabled, template, slug,
  service_account_id
FROM webhook WHERE slug = ?1 AND enabled = 1;
-- name: webhook_list
SELECT id, created, updated, name, description, enabled, template, slug,
  service_account_id
FROM webhook ORDER BY name, id LIMIT ?1 OFFSET ?2;
-- name: webhook_update
UPDATE webhook SET updated = ?2, name = coalesce(?3, name),
  description = CASE WHEN ?4 = 1 THEN ?5 ELSE description END,
  template = coalesce(?6, template), enabled = coalesce(?7, enabled)
WHERE id = ?1;
-- name: webhook_rotate
UPDATE webhook SET updated = ?2, slug = ?3 WHERE id = ?1;
-- name: webhook_delete
DELETE FROM webhook WHERE id = ?1;
-- name: events_since
SELECT id, occurred, received, event, resource, related, payload, follows
FROM event WHERE occurred >= ?1 ORDER BY occurred, id LIMIT ?2;
