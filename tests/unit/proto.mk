# unit tests of proto/: one program, its sources one per line
unit_tests += tests/unit/test_proto
tests_unit_test_proto_SOURCES = \
	tests/unit/proto/test_batch.c \
	tests/unit/proto/test_frame.c \
	tests/unit/proto/test_validate.c
tests_unit_test_proto_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS) \
	-Wno-missing-prototypes -Wno-missing-variable-declarations
tests_unit_test_proto_LDADD = $(PROTO_LIBS) $(BASE_LIBS) $(CRITERION_LIBS)
$(tests_unit_test_proto_OBJECTS): $(proto_gen_h)
