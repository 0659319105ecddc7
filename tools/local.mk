# tools/
# The parts of tadd, compiled on their own until lib/ has the keys and key files they link with.
noinst_LIBRARIES += libtools.a
libtools_a_SOURCES = \
	tools/ask.c tools/ask.h \
	tools/tadd.c tools/tadd-list.c tools/tadd-load.c tools/tadd.h
