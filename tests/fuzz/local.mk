# tests/fuzz/: one target for each parser. Linked with the replayer they run their corpora in
# `make check`; configured with --enable-fuzzing they are libFuzzer's, for tests/fuzz/run-all.
FUZZ_TARGETS = \
	tests/fuzz/fuzz-agent \
	tests/fuzz/fuzz-bind \
	tests/fuzz/fuzz-client \
	tests/fuzz/fuzz-constraint \
	tests/fuzz/fuzz-keeper \
	tests/fuzz/fuzz-key \
	tests/fuzz/fuzz-keyfile \
	tests/fuzz/fuzz-launch \
	tests/fuzz/fuzz-link \
	tests/fuzz/fuzz-message \
	tests/fuzz/fuzz-pem \
	tests/fuzz/fuzz-private \
	tests/fuzz/fuzz-prompter \
	tests/fuzz/fuzz-pubfile \
	tests/fuzz/fuzz-text

FUZZ_DICTIONARIES = tests/fuzz/agent.dict tests/fuzz/keeper.dict tests/fuzz/key.dict \
	tests/fuzz/keyfile.dict tests/fuzz/message.dict tests/fuzz/pem.dict tests/fuzz/private.dict \
	tests/fuzz/pubfile.dict tests/fuzz/text.dict

check_PROGRAMS += $(FUZZ_TARGETS)
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/make-corpus tests/fuzz/run-all $(FUZZ_DICTIONARIES)
if FUZZING
FUZZ_MAIN =
else
FUZZ_MAIN = tests/support/replay.c
TESTS += $(FUZZ_TARGETS)
endif

# The front in one process. It goes before the libraries, whose loop, launcher and log it replaces.
check_LIBRARIES += tests/libfront.a
tests_libfront_a_SOURCES = tests/support/front.c tests/support/front.h
FRONT_LDADD = tests/libfront.a libtagent.a libkeeper.a $(LIBTA)

tests_fuzz_fuzz_agent_SOURCES = tests/fuzz/fuzz-agent.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_agent_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_agent_LDADD = $(FRONT_LDADD)

tests_fuzz_fuzz_link_SOURCES = tests/fuzz/fuzz-link.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_link_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_link_LDADD = $(FRONT_LDADD)

tests_fuzz_fuzz_bind_SOURCES = tests/fuzz/fuzz-bind.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_bind_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_bind_LDADD = libtagent.a $(LIBTA)

tests_fuzz_fuzz_launch_SOURCES = tests/fuzz/fuzz-launch.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_launch_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_launch_LDADD = libtagent.a $(LIBTA)

tests_fuzz_fuzz_keeper_SOURCES = tests/fuzz/fuzz-keeper.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_keeper_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_keeper_LDADD = libkeeper.a $(LIBTA)

tests_fuzz_fuzz_client_SOURCES = tests/fuzz/fuzz-client.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_client_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_client_LDADD = $(LIBTA)

tests_fuzz_fuzz_constraint_SOURCES = tests/fuzz/fuzz-constraint.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_constraint_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_constraint_LDADD = $(LIBTA)

tests_fuzz_fuzz_key_SOURCES = tests/fuzz/fuzz-key.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_key_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_key_LDADD = $(LIBTA)

tests_fuzz_fuzz_keyfile_SOURCES = tests/fuzz/fuzz-keyfile.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_keyfile_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_keyfile_LDADD = $(LIBTA)

tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz-message.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_message_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_message_LDADD = $(LIBTA)

tests_fuzz_fuzz_pem_SOURCES = tests/fuzz/fuzz-pem.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_pem_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_pem_LDADD = $(LIBTA)

tests_fuzz_fuzz_private_SOURCES = tests/fuzz/fuzz-private.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_private_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_private_LDADD = $(LIBTA)

tests_fuzz_fuzz_prompter_SOURCES = tests/fuzz/fuzz-prompter.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_prompter_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_prompter_LDADD = $(FRONT_LDADD)

tests_fuzz_fuzz_pubfile_SOURCES = tests/fuzz/fuzz-pubfile.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_pubfile_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_pubfile_LDADD = $(LIBTA)

tests_fuzz_fuzz_text_SOURCES = tests/fuzz/fuzz-text.c tests/fuzz/fuzz.h $(FUZZ_MAIN)
tests_fuzz_fuzz_text_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_text_LDADD = $(LIBTA)

