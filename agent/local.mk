# agent/: the daemon (front and launcher) and the keeper, which share only agent/link.c. All of a
# program but its main.c is a library, so that its tests link what it is made of.
noinst_LIBRARIES += libtagent.a libkeeper.a
libtagent_a_SOURCES = \
	agent/agent.c agent/agent.h \
	agent/binding.c agent/binding.h \
	agent/body.c agent/body.h \
	agent/dispatch.c agent/dispatch.h \
	agent/keepers.c agent/keepers.h \
	agent/keyring.c agent/keyring.h \
	agent/launch.c agent/launch.h \
	agent/launcher.c agent/launcher.h \
	agent/link.c agent/link.h \
	agent/log.c agent/log.h \
	agent/loop.c agent/loop.h \
	agent/op-add.c agent/op-extension.c agent/op-identities.c agent/op-lock.c agent/op-remove.c agent/op-sign.c \
	agent/policy.c agent/policy.h \
	agent/prompter.c agent/prompter.h \
	agent/sandbox.c agent/sandbox.h \
	agent/server.c agent/server.h \
	agent/session.c agent/session.h \
	agent/shell.c agent/shell.h \
	agent/socket.c agent/socket.h \
	agent/turns.c agent/turns.h \
	agent/warden.c agent/warden.h
libtagent_a_CPPFLAGS = $(AM_CPPFLAGS)

libkeeper_a_SOURCES = \
	agent/keeper/selftest.c agent/keeper/selftest.h agent/keeper/selftest-keys.h \
	agent/keeper/serve.c agent/keeper/serve.h \
	agent/keeper/vault.c agent/keeper/vault.h \
	agent/keeper/walls.c agent/keeper/walls.h \
	agent/link.c agent/link.h
libkeeper_a_CPPFLAGS = $(AM_CPPFLAGS)

bin_PROGRAMS += tagent
tagent_SOURCES = agent/main.c
tagent_CPPFLAGS = $(AM_CPPFLAGS)
tagent_LDADD = libtagent.a $(LIBTA)

# The allocator stands in the program itself, or it would not replace the C library's.
pkglibexec_PROGRAMS += tagent-keeper
tagent_keeper_SOURCES = agent/keeper/main.c lib/secret-malloc.c
tagent_keeper_LDADD = libkeeper.a $(LIBTA)
tagent_keeper_CPPFLAGS = $(AM_CPPFLAGS)
tagent_keeper_CFLAGS = $(AM_CFLAGS) -fno-builtin-malloc

pkglibexec_PROGRAMS += tagent-unlocker
tagent_unlocker_SOURCES = agent/unlocker/main.c lib/secret-malloc.c
tagent_unlocker_LDADD = libkeeper.a libtagent.a $(LIBTA)
tagent_unlocker_CPPFLAGS = $(AM_CPPFLAGS)
tagent_unlocker_CFLAGS = $(AM_CFLAGS) -fno-builtin-malloc

# A program that its user cannot read is never dumpable, not even before its first instruction.
install-exec-hook:
	chmod 0711 '$(DESTDIR)$(pkglibexecdir)/tagent-keeper' '$(DESTDIR)$(pkglibexecdir)/tagent-unlocker'
