# docs: see docs/ARCHITECTURE.md
EXTRA_DIST += docs/server.md
EXTRA_DIST += docs/field-lessons.md
EXTRA_DIST += docs/model/lease.pml
EXTRA_DIST += docs/reliability.md
EXTRA_DIST += docs/scaling.md
EXTRA_DIST += docs/database.md
EXTRA_DIST += docs/deployments.md
EXTRA_DIST += docs/explain.md
EXTRA_DIST += docs/work-pools.md
EXTRA_DIST += docs/c-sdk.md
EXTRA_DIST += docs/automations.md
EXTRA_DIST += docs/events.md
EXTRA_DIST += docs/walkthroughs/automations.md
