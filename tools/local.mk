# tools/: one program per file, with what they share.
bin_PROGRAMS += tadd
tadd_SOURCES = tools/ask.c tools/ask.h tools/tadd.c tools/tadd-list.c tools/tadd-load.c tools/tadd.h
tadd_LDADD = $(LIBTA)

bin_PROGRAMS += tkeygen
tkeygen_SOURCES = tools/ask.c tools/ask.h tools/tkeygen.c
tkeygen_LDADD = $(LIBTA)
