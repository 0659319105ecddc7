# tests/: mirrors the tree. C tests speak TAP through GLib's GTest, shell tests through
# tests/support/tap.sh. A C test is a check_PROGRAM named tests/<folder>/test-<unit>.
TEST_LDADD = $(LIBTA) $(GLIB_LIBS)
TEST_CPPFLAGS = $(AM_CPPFLAGS) $(GLIB_CFLAGS)

C_TESTS = \
	tests/lib/test-error \
	tests/lib/test-evp \
	tests/lib/test-client \
	tests/lib/test-message \
	tests/lib/test-file \
	tests/lib/test-kdf \
	tests/lib/test-keyfile \
	tests/lib/test-keyfile-openssh \
	tests/lib/test-keyfile-pem \
	tests/lib/test-pubfile \
	tests/lib/test-text \
	tests/lib/test-cli \
	tests/lib/test-constraint \
	tests/lib/test-cert \
	tests/lib/test-fingerprint \
	tests/lib/test-key \
	tests/lib/test-secret \
	tests/lib/test-seccomp \
	tests/lib/test-allsecret \
	tests/agent/keeper/test-walls \
	tests/agent/test-body \
	tests/agent/test-sandbox \
	tests/lib/test-wire \
	tests/vectors/test-vectors

check_PROGRAMS += $(C_TESTS)
TESTS += $(C_TESTS) tests/check-layers.sh tests/check-man.sh
EXTRA_DIST += tests/check-layers.sh tests/check-man.sh

tests_lib_test_pubfile_SOURCES = tests/lib/test-pubfile.c
tests_lib_test_pubfile_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_pubfile_LDADD = $(TEST_LDADD)

tests_lib_test_keyfile_SOURCES = tests/lib/test-keyfile.c
tests_lib_test_keyfile_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_keyfile_LDADD = $(TEST_LDADD)

tests_lib_test_keyfile_openssh_SOURCES = tests/lib/test-keyfile-openssh.c
tests_lib_test_keyfile_openssh_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_keyfile_openssh_LDADD = $(TEST_LDADD)

tests_lib_test_keyfile_pem_SOURCES = tests/lib/test-keyfile-pem.c
tests_lib_test_keyfile_pem_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_keyfile_pem_LDADD = $(TEST_LDADD)

tests_lib_test_key_SOURCES = tests/lib/test-key.c
tests_lib_test_key_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_key_LDADD = $(TEST_LDADD)

tests_lib_test_secret_SOURCES = tests/lib/test-secret.c
tests_lib_test_secret_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_secret_LDADD = $(TEST_LDADD)

tests_lib_test_wire_SOURCES = tests/lib/test-wire.c
tests_lib_test_wire_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_wire_LDADD = $(TEST_LDADD)

tests_lib_test_cli_SOURCES = tests/lib/test-cli.c
tests_lib_test_cli_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_cli_LDADD = $(TEST_LDADD)

tests_lib_test_constraint_SOURCES = tests/lib/test-constraint.c
tests_lib_test_constraint_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_constraint_LDADD = $(TEST_LDADD)

tests_lib_test_file_SOURCES = tests/lib/test-file.c
tests_lib_test_file_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_file_LDADD = $(TEST_LDADD)

tests_lib_test_text_SOURCES = tests/lib/test-text.c
tests_lib_test_text_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_text_LDADD = $(TEST_LDADD)

tests_lib_test_kdf_SOURCES = tests/lib/test-kdf.c
tests_lib_test_kdf_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_kdf_LDADD = $(TEST_LDADD)

tests_lib_test_cert_SOURCES = tests/lib/test-cert.c
tests_lib_test_cert_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_cert_LDADD = $(TEST_LDADD)

tests_lib_test_fingerprint_SOURCES = tests/lib/test-fingerprint.c
tests_lib_test_fingerprint_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_fingerprint_LDADD = $(TEST_LDADD)

tests_vectors_test_vectors_SOURCES = tests/vectors/test-vectors.c
tests_vectors_test_vectors_CPPFLAGS = $(TEST_CPPFLAGS)
tests_vectors_test_vectors_LDADD = $(TEST_LDADD)

tests_lib_test_client_SOURCES = tests/lib/test-client.c
tests_lib_test_client_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_client_LDADD = $(TEST_LDADD)

tests_lib_test_message_SOURCES = tests/lib/test-message.c
tests_lib_test_message_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_message_LDADD = $(TEST_LDADD)

tests_lib_test_error_SOURCES = tests/lib/test-error.c
tests_lib_test_error_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_error_LDADD = $(TEST_LDADD)

tests_lib_test_evp_SOURCES = tests/lib/test-evp.c
tests_lib_test_evp_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_evp_LDADD = $(TEST_LDADD)

tests_lib_test_seccomp_SOURCES = tests/lib/test-seccomp.c \
	tests/support/filtered.c tests/support/filtered.h
tests_lib_test_seccomp_CPPFLAGS = $(TEST_CPPFLAGS)
tests_lib_test_seccomp_LDADD = $(TEST_LDADD)

# Linked as a keeper is: the arena is its allocator.
tests_lib_test_allsecret_SOURCES = tests/lib/test-allsecret.c lib/secret-malloc.c
tests_lib_test_allsecret_LDADD = $(LIBTA)
tests_lib_test_allsecret_CFLAGS = $(AM_CFLAGS) -fno-builtin-malloc

tests_agent_keeper_test_walls_SOURCES = tests/agent/keeper/test-walls.c \
	agent/keeper/walls.c agent/keeper/walls.h agent/warden.c agent/warden.h \
	tests/support/filtered.c tests/support/filtered.h
tests_agent_test_body_SOURCES = tests/agent/test-body.c
tests_agent_test_body_CPPFLAGS = $(TEST_CPPFLAGS)
tests_agent_test_body_LDADD = libtagent.a $(TEST_LDADD)

tests_agent_test_sandbox_SOURCES = tests/agent/test-sandbox.c \
	tests/support/filtered.c tests/support/filtered.h
tests_agent_test_sandbox_CPPFLAGS = $(TEST_CPPFLAGS)
tests_agent_test_sandbox_LDADD = libtagent.a $(TEST_LDADD)

tests_agent_keeper_test_walls_CPPFLAGS = $(TEST_CPPFLAGS)
tests_agent_keeper_test_walls_LDADD = $(TEST_LDADD)
