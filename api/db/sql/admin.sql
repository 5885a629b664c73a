-- SPDX-License-Identifier: Apache-2.0
-- Settings of the server that clients may change, and the readiness probe.

-- name: setting_get
SELECT c.value FROM configuration c WHERE c.key = ?1;

-- name: setting_put
INSERT INTO configuration (key, value, updated) VALUES (?1, ?2, ?3)
ON CONFLICT (key) DO UPDATE SET value = ?2, updated = ?3;

-- name: setting_delete
DELETE FROM configuration WHERE key = ?1;

-- Results do not go to a block that is deleted.
-- name: storage_forget
DELETE FROM configuration
WHERE key = 'default-result-storage' AND value LIKE '%' || ?1 || '%';

-- name: block_document_capabilities
SELECT bs.capabilities FROM block_document bd JOIN block_schema bs ON bs.id = bd.block_schema_id
WHERE bd.id = ?1;

-- name: probe
SELECT count(*) FROM schema_migration;
