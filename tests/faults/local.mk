# tests/faults/: what happens when memory, the disk or the processor fails.
#
# The sweeps fail each allocation in turn. lib/secret.c is built again for them, over the plain heap,
# so that what is secret comes from the same allocator as everything else.
SWEEPS = tests/faults/sweep-keeper tests/faults/sweep-front tests/faults/sweep-lib \
	tests/faults/sweep-tkeygen tests/faults/sweep-tadd
check_PROGRAMS += $(SWEEPS)
TESTS += $(SWEEPS)

check_LIBRARIES += libsweep.a libfailing.a
libsweep_a_SOURCES = lib/secret.c lib/allsecret.c tests/support/sweep.c tests/support/sweep.h
libsweep_a_CPPFLAGS = $(TEST_CPPFLAGS) -DTA_SANITIZED=1
# The compiler would make a calloc() of what stands in calloc().
libfailing_a_SOURCES = tests/support/failing.c tests/support/failing.h
libfailing_a_CFLAGS = -std=gnu11 $(HARDEN_CFLAGS) -fno-builtin-malloc
SWEEP_LDADD = libsweep.a libfailing.a $(LIBTA) $(GLIB_LIBS)

tests_faults_sweep_keeper_SOURCES = tests/faults/sweep-keeper.c
tests_faults_sweep_keeper_CPPFLAGS = $(TEST_CPPFLAGS)
tests_faults_sweep_keeper_LDADD = libkeeper.a $(SWEEP_LDADD)

tests_faults_sweep_front_SOURCES = tests/faults/sweep-front.c
tests_faults_sweep_front_CPPFLAGS = $(TEST_CPPFLAGS)
tests_faults_sweep_front_LDADD = tests/libfront.a libtagent.a libkeeper.a $(SWEEP_LDADD)

tests_faults_sweep_lib_SOURCES = tests/faults/sweep-lib.c
tests_faults_sweep_lib_CPPFLAGS = $(TEST_CPPFLAGS)
tests_faults_sweep_lib_LDADD = $(SWEEP_LDADD)

# The tools whole, as they are but for the name of main().
TOOL_SWEEP_CPPFLAGS = $(AM_CPPFLAGS) -DTA_SANITIZED=1 -Dmain=tool_main
check_LIBRARIES += libsweeptkeygen.a libsweeptadd.a
libsweeptkeygen_a_SOURCES = $(tkeygen_SOURCES)
libsweeptkeygen_a_CPPFLAGS = $(TOOL_SWEEP_CPPFLAGS)
libsweeptkeygen_a_CFLAGS = $(AM_CFLAGS) -Wno-missing-prototypes
libsweeptadd_a_SOURCES = $(tadd_SOURCES)
libsweeptadd_a_CPPFLAGS = $(TOOL_SWEEP_CPPFLAGS)
libsweeptadd_a_CFLAGS = $(AM_CFLAGS) -Wno-missing-prototypes
tests_faults_sweep_tkeygen_SOURCES = tests/faults/sweep-tools.c
tests_faults_sweep_tkeygen_CPPFLAGS = $(TEST_CPPFLAGS) -DTKEYGEN
tests_faults_sweep_tkeygen_LDADD = libsweeptkeygen.a $(SWEEP_LDADD)
tests_faults_sweep_tadd_SOURCES = tests/faults/sweep-tools.c
tests_faults_sweep_tadd_CPPFLAGS = $(TEST_CPPFLAGS)
tests_faults_sweep_tadd_LDADD = libsweeptadd.a $(SWEEP_LDADD)

# Writers of files, struck at each system call.
check_PROGRAMS += tests/faults/strike-files
TESTS += tests/faults/strike-files
tests_faults_strike_files_SOURCES = tests/faults/strike-files.c \
	tests/support/strike.c tests/support/strike.h
tests_faults_strike_files_CPPFLAGS = $(TEST_CPPFLAGS)
tests_faults_strike_files_LDADD = $(TEST_LDADD)

# Bits of loaded keys.
check_PROGRAMS += tests/faults/flips
TESTS += tests/faults/flips
tests_faults_flips_SOURCES = tests/faults/flips.c
tests_faults_flips_CPPFLAGS = $(TEST_CPPFLAGS)
tests_faults_flips_LDADD = libkeeper.a $(SWEEP_LDADD)

# A kernel without random numbers.
check_PROGRAMS += tests/faults/random
TESTS += tests/faults/random
tests_faults_random_SOURCES = tests/faults/random.c tests/support/strike.c tests/support/strike.h
tests_faults_random_CPPFLAGS = $(TEST_CPPFLAGS)
tests_faults_random_LDADD = libkeeper.a $(TEST_LDADD)

# Libraries that say what is not so.
check_PROGRAMS += tests/faults/liar
TESTS += tests/faults/liar
tests_faults_liar_SOURCES = tests/faults/liar.c
tests_faults_liar_CPPFLAGS = $(TEST_CPPFLAGS)
tests_faults_liar_LDADD = $(TEST_LDADD)
