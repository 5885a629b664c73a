-- SPDX-License-Identifier: Apache-2.0
-- Blocks.  Columns of a type: id created updated name slug logo_url documentation_url
-- description code_example is_protected.  Of a schema: id created updated checksum fields
-- capabilities version, then its type's.  Of a document: id created updated name data
-- is_anonymous, then its schema's and its type's.

-- name: block_type_insert
INSERT INTO block_type (id, created, updated, name, slug, logo_url, documentation_url,
  description, code_example)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (slug) DO NOTHING;
-- name: block_type_by_id
SELECT bt.id, bt.created, bt.updated, bt.name, bt.slug, bt.logo_url, bt.documentation_url,
  bt.description, bt.code_example, bt.is_protected
FROM block_type AS bt WHERE bt.id = ?1;
-- name: block_type_by_slug
SELECT bt.id, bt.created, bt.updated, bt.name, bt.slug, bt.logo_url, bt.documentation_url,
  bt.description, bt.code_example, bt.is_protected
FROM block_type AS bt WHERE bt.slug = ?1;
-- name: block_type_update
UPDATE block_type SET updated = ?2,
  logo_url = CASE WHEN ?3 THEN ?4 ELSE logo_url END,
  documentation_url = CASE WHEN ?5 THEN ?6 ELSE documentation_url END,
  description = CASE WHEN ?7 THEN ?8 ELSE description END,
  code_example = CASE WHEN ?9 THEN ?10 ELSE code_example END
WHERE id = ?1;
-- name: block_type_delete
DELETE FROM block_type WHERE id = ?1;
-- name: block_type_list
SELECT bt.id, bt.created, bt.updated, bt.name, bt.slug, bt.logo_url, bt.documentation_url,
  bt.description, bt.code_example, bt.is_protected
FROM block_type AS bt WHERE {where} ORDER BY bt.name;

-- name: block_schema_insert
INSERT INTO block_schema (id, created, updated, checksum, fields, capabilities, version,
  block_type_id)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (checksum, version) DO NOTHING;
-- name: block_schema_by_id
SELECT bs.id, bs.created, bs.updated, bs.checksum, bs.fields, bs.capabilities, bs.version,
  bt.id, bt.created, bt.updated, bt.name, bt.slug, bt.logo_url, bt.documentation_url,
  bt.description, bt.code_example, bt.is_protected
FROM block_schema AS bs JOIN block_type AS bt ON bt.id = bs.block_type_id WHERE bs.id = ?1;
-- The newest of a checksum; ?2 narrows to one version, null does not.
-- name: block_schema_by_checksum
SELECT bs.id, bs.created, bs.updated, bs.checksum, bs.fields, bs.capabilities, bs.version,
  bt.id, bt.created, bt.updated, bt.name, bt.slug, bt.logo_url, bt.documentation_url,
  bt.description, bt.code_example, bt.is_protected
FROM block_schema AS bs JOIN block_type AS bt ON bt.id = bs.block_type_id
WHERE bs.checksum = ?1 AND (CAST(?2 AS TEXT) IS NULL OR bs.version = ?2)
ORDER BY bs.created DESC LIMIT 1;
-- name: block_schema_list
SELECT bs.id, bs.created, bs.updated, bs.checksum, bs.fields, bs.capabilities, bs.version,
  bt.id, bt.created, bt.updated, bt.name, bt.slug, bt.logo_url, bt.documentation_url,
  bt.description, bt.code_example, bt.is_protected
FROM block_schema AS bs JOIN block_type AS bt ON bt.id = bs.block_type_id
WHERE {where} ORDER BY bs.created DESC, bs.id;
-- name: block_schema_delete
DELETE FROM block_schema WHERE id = ?1;
-- name: block_capabilities
SELECT DISTINCT j.value FROM block_schema AS bs, json_each(bs.capabilities) AS j ORDER BY 1;

-- name: block_document_insert
INSERT INTO block_document (id, created, updated, name, data, is_anonymous, block_type_id,
  block_schema_id)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (block_type_id, name) DO NOTHING;
-- name: block_document_by_id
SELECT bd.id, bd.created, bd.updated, bd.name, bd.data, bd.is_anonymous,
  bs.id, bs.created, bs.updated, bs.checksum, bs.fields, bs.capabilities, bs.version,
  bt.id, bt.created, bt.updated, bt.name, bt.slug, bt.logo_url, bt.documentation_url,
  bt.description, bt.code_example, bt.is_protected
FROM block_document AS bd JOIN block_schema AS bs ON bs.id = bd.block_schema_id
JOIN block_type AS bt ON bt.id = bd.block_type_id WHERE bd.id = ?1;
-- name: block_document_by_name
SELECT bd.id, bd.created, bd.updated, bd.name, bd.data, bd.is_anonymous,
  bs.id, bs.created, bs.updated, bs.checksum, bs.fields, bs.capabilities, bs.version,
  bt.id, bt.created, bt.updated, bt.name, bt.slug, bt.logo_url, bt.documentation_url,
  bt.description, bt.code_example, bt.is_protected
FROM block_document AS bd JOIN block_schema AS bs ON bs.id = bd.block_schema_id
JOIN block_type AS bt ON bt.id = bd.block_type_id WHERE bt.slug = ?1 AND bd.name = ?2;
-- name: block_document_list
SELECT bd.id, bd.created, bd.updated, bd.name, bd.data, bd.is_anonymous,
  bs.id, bs.created, bs.updated, bs.checksum, bs.fields, bs.capabilities, bs.version,
  bt.id, bt.created, bt.updated, bt.name, bt.slug, bt.logo_url, bt.documentation_url,
  bt.description, bt.code_example, bt.is_protected
FROM block_document AS bd JOIN block_schema AS bs ON bs.id = bd.block_schema_id
JOIN block_type AS bt ON bt.id = bd.block_type_id WHERE {where} {order};
-- name: block_document_count
SELECT count(*) FROM block_document AS bd WHERE {where};
-- name: block_document_update
UPDATE block_document SET updated = ?2, data = ?3, block_schema_id = coalesce(?4, block_schema_id)
WHERE id = ?1;
-- name: block_document_delete
DELETE FROM block_document WHERE id = ?1;

-- Data at rest (api/routes/blocks/block_secret.h): "wf1:<key id>:..." when it is sealed.
-- name: block_sealed_count
SELECT count(*) FROM block_document AS bd WHERE substr(bd.data, 1, 4) = 'wf1:';
-- name: block_sealed_keys
SELECT DISTINCT substr(bd.data, 1, 13) FROM block_document AS bd
WHERE substr(bd.data, 1, 4) = 'wf1:';
-- name: block_sealed_old
SELECT bd.id, bd.data FROM block_document AS bd WHERE substr(bd.data, 1, 13) <> ?1 LIMIT ?2;
-- name: block_document_set_data
UPDATE block_document SET data = ?2 WHERE id = ?1;

-- What comes with the server; what is there already is left alone.
-- name: block_builtin_type
INSERT INTO block_type (id, created, updated, name, slug, description, is_protected)
VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (slug) DO NOTHING;
-- name: block_builtin_type_id
SELECT bt.id FROM block_type AS bt WHERE bt.slug = ?1;

-- name: block_reference_insert
INSERT INTO block_document_reference (id, created, updated, name, parent_block_document_id,
  reference_block_document_id)
VALUES (?1, ?2, ?2, ?3, ?4, ?5);
-- name: block_reference_delete
DELETE FROM block_document_reference WHERE parent_block_document_id = ?1 AND name = ?2;
-- name: block_reference_list
SELECT name, reference_block_document_id FROM block_document_reference
WHERE parent_block_document_id = ?1 ORDER BY created, name;

-- fragment: bt_slug_is
bt.slug = ?
