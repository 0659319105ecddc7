# tests/bugs/: where a bug goes to be remembered.
BUG_TESTS = tests/bugs/crowd tests/bugs/expire-many tests/bugs/full-vault tests/bugs/slow-reader \
	tests/bugs/slow-start tests/bugs/flipped-key
BUG_TESTS += tests/bugs/deaf tests/bugs/one-lies
check_PROGRAMS += $(BUG_TESTS)
TESTS += $(BUG_TESTS)

tests_bugs_deaf_SOURCES = tests/bugs/deaf.c
tests_bugs_deaf_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bugs_deaf_LDADD = $(FRONT_LDADD) $(GLIB_LIBS)

tests_bugs_one_lies_SOURCES = tests/bugs/one-lies.c
tests_bugs_one_lies_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bugs_one_lies_LDADD = $(FRONT_LDADD) $(GLIB_LIBS)

tests_bugs_slow_reader_SOURCES = tests/bugs/slow-reader.c
tests_bugs_slow_reader_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bugs_slow_reader_LDADD = $(FRONT_LDADD) $(GLIB_LIBS)

tests_bugs_slow_start_SOURCES = tests/bugs/slow-start.c
tests_bugs_slow_start_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bugs_slow_start_LDADD = $(FRONT_LDADD) $(GLIB_LIBS)

tests_bugs_flipped_key_SOURCES = tests/bugs/flipped-key.c
tests_bugs_flipped_key_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bugs_flipped_key_LDADD = $(FRONT_LDADD) $(GLIB_LIBS)

tests_bugs_full_vault_SOURCES = tests/bugs/full-vault.c
tests_bugs_full_vault_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bugs_full_vault_LDADD = libkeeper.a $(TEST_LDADD)

tests_bugs_expire_many_SOURCES = tests/bugs/expire-many.c
tests_bugs_expire_many_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bugs_expire_many_LDADD = libkeeper.a $(TEST_LDADD)

tests_bugs_crowd_SOURCES = tests/bugs/crowd.c
tests_bugs_crowd_CPPFLAGS = $(TEST_CPPFLAGS)
tests_bugs_crowd_LDADD = $(FRONT_LDADD) $(GLIB_LIBS)

BUG_SHELL = tests/bugs/fsize.sh tests/bugs/memlock.sh
TESTS += $(BUG_SHELL)
EXTRA_DIST += $(BUG_SHELL)
