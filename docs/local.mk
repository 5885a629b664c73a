# docs: see docs/ARCHITECTURE.md
EXTRA_DIST += docs/server.md
EXTRA_DIST += docs/database.md
EXTRA_DIST += docs/deployments.md
EXTRA_DIST += docs/explain.md
EXTRA_DIST += docs/work-pools.md
