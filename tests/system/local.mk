# tests/system/, tests/tools/, tests/vectors/: shell tests that drive the finished programs;
# tests/support/ is what they stand on.
SYSTEM_TESTS = \
	tests/support/test-tap.sh \
	tests/system/activation.sh \
	tests/system/agent-basics.sh \
	tests/system/agent-options.sh \
	tests/system/badfiles.sh \
	tests/system/badinput.sh \
	tests/system/clients.sh \
	tests/system/confirm.sh \
	tests/system/crash.sh \
	tests/system/installed.sh \
	tests/system/level-one.sh \
	tests/system/lock.sh \
	tests/system/other-user.sh \
	tests/system/signals.sh \
	tests/system/cascade.sh \
	tests/system/keyfile-matrix.sh \
	tests/system/login-matrix.sh \
	tests/system/completions.sh \
	tests/system/man-examples.sh \
	tests/system/openssh-regress.sh \
	tests/tools/big.sh \
	tests/tools/tadd.sh \
	tests/tools/tagentctl.sh \
	tests/tools/terminal.sh \
	tests/tools/tkeygen.sh \
	tests/tools/tkeygen-write.sh \
	tests/vectors/files.sh

TESTS += $(SYSTEM_TESTS)
EXTRA_DIST += $(SYSTEM_TESTS) tests/support/tap.sh tests/support/rig.sh tests/support/raw.py \
	tests/support/demo.sh tests/support/beside.sh tests/support/terminal.py

# What others can see of the agent's processes; below, what looks into them.
SYSTEM_TESTS += \
	tests/system/residue.sh \
	tests/system/residue-tools.sh \
	tests/system/walls.sh \
	tests/system/walls-death.sh \
	tests/system/walls-memory.sh
EXTRA_DIST += tests/support/needles.py tests/support/fill.py tests/support/rsa16384.py
check_PROGRAMS += tests/support/leaver tests/support/memscan tests/support/pry tests/support/without
tests_support_memscan_SOURCES = tests/support/memscan.c
tests_support_pry_SOURCES = tests/support/pry.c
tests_support_without_SOURCES = tests/support/without.c
tests_support_leaver_SOURCES = tests/support/leaver.c lib/secret-malloc.c
tests_support_leaver_LDADD = $(LIBTA)
tests_support_leaver_CFLAGS = $(AM_CFLAGS) -fno-builtin-malloc
