# tests: one Criterion program per area; each area's list is its own file
AM_TESTS_ENVIRONMENT = srcdir=$(srcdir); export srcdir; builddir=$(builddir); export builddir;
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_COMPILER = $(SHELL) $(top_srcdir)/build-aux/run-test.sh
EXTRA_DIST += build-aux/run-test.sh build-aux/lsan.supp

if HAVE_CRITERION
include tests/unit/base.mk
include tests/unit/proto.mk
include tests/unit/pools.mk
include tests/unit/agent.mk
include tests/unit/worker.mk
include tests/unit/engine.mk
include tests/unit/api.mk
include tests/unit/cli.mk
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
include tests/sim/local.mk
include tests/fuzz/local.mk
include tests/stress/local.mk
include tests/c/local.mk
EXTRA_DIST += tests/data/orchestration/flow_pairs.tsv
EXTRA_DIST += tests/data/orchestration/task_pairs.tsv
EXTRA_DIST += tests/data/orchestration/generate.py
EXTRA_DIST += tests/data/replay/pools.jsonl
EXTRA_DIST += tests/data/contract/routes.tsv
EXTRA_DIST += tests/data/schema/cases.jsonl
EXTRA_DIST += tests/data/schema/generate.py
EXTRA_DIST += tests/data/schedules/cases.tsv
EXTRA_DIST += tests/data/schedules/generate.py
EXTRA_DIST += tests/data/triggers/firings.json
EXTRA_DIST += tests/data/templates/cases.json
EXTRA_DIST += tests/data/templates/generate.py
EXTRA_DIST += tests/data/contract/commands.tsv
EXTRA_DIST += tests/data/contract/deviations.tsv
