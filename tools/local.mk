# tools/: programs, a file or a few each, and what they share.
TOOL_SOURCES = tools/ask.c tools/ask.h tools/keys.c tools/keys.h tools/runtime.c tools/runtime.h \
	lib/secret-malloc.c
TOOL_CFLAGS = $(AM_CFLAGS) -fno-builtin-malloc

bin_PROGRAMS += tadd
tadd_SOURCES = $(TOOL_SOURCES) tools/tadd.c tools/tadd-list.c tools/tadd-load.c tools/tadd.h
tadd_LDADD = $(LIBTA)
tadd_CFLAGS = $(TOOL_CFLAGS)

bin_PROGRAMS += tkeygen
tkeygen_SOURCES = $(TOOL_SOURCES) tools/tkeygen.c tools/tkeygen-make.c tools/tkeygen-show.c \
	tools/tkeygen.h
tkeygen_LDADD = $(LIBTA)
tkeygen_CFLAGS = $(TOOL_CFLAGS)

bin_PROGRAMS += tagentctl
tagentctl_SOURCES = tools/tagentctl.c tools/ctl-status.c tools/ctl.h
tagentctl_LDADD = $(LIBTA)
