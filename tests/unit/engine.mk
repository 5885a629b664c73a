# unit tests of engine/: one program, its sources one per line
unit_tests += tests/unit/test_engine
tests_unit_test_engine_SOURCES = \
	tests/unit/engine/child.c \
	tests/unit/engine/child.h \
	tests/unit/engine/sim.c \
	tests/unit/engine/sim.h \
	tests/unit/engine/test_control.c \
	tests/unit/engine/test_dynamic.c \
	tests/unit/engine/test_events.c \
	tests/unit/engine/test_expr.c \
	tests/unit/engine/test_loader.c \
	tests/unit/engine/test_name.c \
	tests/unit/engine/test_params.c \
	tests/unit/engine/test_regex.c \
	tests/unit/engine/test_results.c \
	tests/unit/engine/test_run.c \
	tests/unit/engine/test_sched.c \
	tests/unit/engine/test_units.c
tests_unit_test_engine_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) \
	-Wno-missing-prototypes -Wno-missing-variable-declarations
tests_unit_test_engine_LDADD = libengine.a $(PROTO_LIBS) $(YAML_LIBS) $(BASE_LIBS) \
	$(CRITERION_LIBS)
EXTRA_tests_unit_test_engine_DEPENDENCIES = wf-engine
$(tests_unit_test_engine_OBJECTS): $(proto_gen_h)
