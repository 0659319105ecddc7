# lib/: shared by every program; no logging and, but for cli.c and allsecret.c, no exit.
noinst_LIBRARIES += libta.a
libta_a_SOURCES = \
	lib/cert.c lib/cert.h \
	lib/fingerprint.c lib/fingerprint.h \
	lib/key.c lib/key.h lib/key-ecdsa.c lib/key-ecdsa.h lib/key-ed25519.c lib/key-rsa.c lib/key-sk.c \
	lib/allsecret.c lib/allsecret.h lib/registers.c \
	lib/base.c lib/base.h \
	lib/cli.c lib/cli.h \
	lib/client.c lib/client.h \
	lib/constraint.c lib/constraint.h \
	lib/error.c lib/error.h \
	lib/message.c lib/message.h \
	lib/file.c lib/file.h \
	lib/kdf.c lib/kdf.h lib/kdf-pi.h \
	lib/keyfile.c lib/keyfile.h lib/keyfile-format.h \
	lib/keyfile-openssh.c \
	lib/keyfile-pem.c \
	lib/evp.c lib/evp.h \
	lib/pubfile.c \
	lib/proto.h \
	lib/seccomp.c lib/seccomp.h \
	lib/secret.c lib/secret.h \
	lib/text.c lib/text.h \
	lib/wire.c lib/wire.h

LIBTA = libta.a $(SODIUM_LIBS) $(CRYPTO_LIBS)
