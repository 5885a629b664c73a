# docs: see docs/ARCHITECTURE.md
EXTRA_DIST += docs/server.md
EXTRA_DIST += docs/database.md
