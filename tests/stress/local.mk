# stress programs, meant for --enable-sanitizers=thread; tests/stress/test_threads.py runs them
check_PROGRAMS += tests/stress/stress_db
check_PROGRAMS += tests/stress/stress_resolve
tests_stress_stress_db_SOURCES = tests/stress/stress_db.c
tests_stress_stress_db_LDADD = $(API_LIBS)
$(tests_stress_stress_db_OBJECTS): | api/db/sql_gen.h
tests_stress_stress_resolve_SOURCES = tests/stress/stress_resolve.c
tests_stress_stress_resolve_LDADD = $(BASE_LIBS)
EXTRA_DIST += tests/stress/test_threads.py
