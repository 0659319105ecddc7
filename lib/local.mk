# lib/: shared by every program; no GLib, no logging, no exit.
noinst_LIBRARIES += libta.a
libta_a_SOURCES = \
	lib/base.c lib/base.h \
	lib/cli.c lib/cli.h \
	lib/client.c lib/client.h \
	lib/constraint.c lib/constraint.h \
	lib/error.c lib/error.h \
	lib/message.c lib/message.h \
	lib/file.c lib/file.h \
	lib/kdf.c lib/kdf.h lib/kdf-pi.h \
	lib/proto.h \
	lib/secret.c lib/secret.h \
	lib/text.c lib/text.h \
	lib/wire.c lib/wire.h

LIBTA = libta.a $(SODIUM_LIBS) $(CRYPTO_LIBS)
