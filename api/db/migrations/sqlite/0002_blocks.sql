-- SPDX-License-Identifier: Apache-2.0
-- 0002 blocks and saved searches.

CREATE TABLE block_type (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL,
  slug TEXT NOT NULL UNIQUE,
  logo_url TEXT,
  documentation_url TEXT,
  description TEXT,
  code_example TEXT,
  is_protected INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX block_type_name ON block_type (name);

CREATE TABLE block_schema (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  checksum TEXT NOT NULL,
  fields TEXT NOT NULL DEFAULT '{}',
  capabilities TEXT NOT NULL DEFAULT '[]',
  version TEXT NOT NULL DEFAULT 'non-versioned',
  block_type_id BLOB NOT NULL REFERENCES block_type (id) ON DELETE CASCADE,
  UNIQUE (checksum, version)
) STRICT;
CREATE INDEX block_schema_type ON block_schema (block_type_id, created);

CREATE TABLE block_schema_reference (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL,
  parent_block_schema_id BLOB NOT NULL REFERENCES block_schema (id) ON DELETE CASCADE,
  reference_block_schema_id BLOB NOT NULL REFERENCES block_schema (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX block_schema_reference_parent
  ON block_schema_reference (parent_block_schema_id);
CREATE INDEX block_schema_reference_target
  ON block_schema_reference (reference_block_schema_id);

CREATE TABLE block_document (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL,
  data TEXT NOT NULL DEFAULT '{}',
  is_anonymous INTEGER NOT NULL DEFAULT 0,
  block_type_id BLOB NOT NULL REFERENCES block_type (id) ON DELETE CASCADE,
  block_schema_id BLOB NOT NULL REFERENCES block_schema (id) ON DELETE CASCADE,
  UNIQUE (block_type_id, name)
) STRICT;
CREATE INDEX block_document_name ON block_document (name);
CREATE INDEX block_document_schema ON block_document (block_schema_id);

CREATE TABLE block_document_reference (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL,
  parent_block_document_id BLOB NOT NULL REFERENCES block_document (id) ON DELETE CASCADE,
  reference_block_document_id BLOB NOT NULL REFERENCES block_document (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX block_document_reference_parent
  ON block_document_reference (parent_block_document_id);
CREATE INDEX block_document_reference_target
  ON block_document_reference (reference_block_document_id);

CREATE TABLE saved_search (
  id BLOB PRIMARY KEY,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE,
  filters TEXT NOT NULL DEFAULT '[]'
) STRICT;
