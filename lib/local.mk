# lib/: shared by every program; no GLib, no logging, no exit.
noinst_LIBRARIES += libta.a
libta_a_SOURCES = \
	lib/base.c lib/base.h \
	lib/error.c lib/error.h \
	lib/proto.h \
	lib/secret.c lib/secret.h \
	lib/wire.c lib/wire.h

LIBTA = libta.a $(SODIUM_LIBS) $(CRYPTO_LIBS)
