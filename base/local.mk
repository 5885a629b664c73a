# base: the leaf library
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	base/error.c
