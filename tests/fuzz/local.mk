# fuzz: with --enable-fuzzing each is a libFuzzer program; otherwise the same file is linked with
# tests/fuzz/replay.c, which runs every file of its corpus once (part of `make check`).
# A fuzzer: add its name to fuzz_names and a line  tests_fuzz_NAME_LDADD = ...
if FUZZING
FUZZ_MAIN =
FUZZ_FLAGS = -fsanitize=fuzzer
else
FUZZ_MAIN = tests/fuzz/replay.c
FUZZ_FLAGS =
endif
check_PROGRAMS += $(fuzz_programs)
