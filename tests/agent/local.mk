# tests/agent/: mirrors agent/. conversation.c is an agent inside the test with clients around it.
AGENT_TEST_CPPFLAGS = $(TEST_CPPFLAGS)
AGENT_TEST_LDADD = libconversation.a libtagent.a $(LIBTA) $(GLIB_LIBS)

check_LIBRARIES += libconversation.a
libconversation_a_SOURCES = tests/agent/conversation.c tests/agent/conversation.h
libconversation_a_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)

AGENT_TESTS = \
	tests/agent/test-op-lock \
	tests/agent/test-session \
	tests/agent/test-dispatch \
	tests/agent/test-policy \
	tests/agent/test-binding \
	tests/agent/test-link \
	tests/agent/test-keyring \
	tests/agent/test-shell \
	tests/agent/test-socket \
	tests/agent/keeper/test-vault \
	tests/agent/keeper/test-serve \
	tests/agent/test-prompter \
	tests/agent/test-launcher \
	tests/agent/test-unlocker \
	tests/agent/test-loop \
	tests/agent/test-server \
	tests/agent/test-keepers

check_PROGRAMS += $(AGENT_TESTS)
TESTS += $(AGENT_TESTS)

tests_agent_test_op_lock_SOURCES = tests/agent/test-op-lock.c
tests_agent_test_op_lock_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_op_lock_LDADD = $(AGENT_TEST_LDADD)

tests_agent_test_session_SOURCES = tests/agent/test-session.c
tests_agent_test_session_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_session_LDADD = $(AGENT_TEST_LDADD)

tests_agent_test_dispatch_SOURCES = tests/agent/test-dispatch.c
tests_agent_test_dispatch_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_dispatch_LDADD = $(AGENT_TEST_LDADD)

tests_agent_test_policy_SOURCES = tests/agent/test-policy.c
tests_agent_test_policy_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_policy_LDADD = $(AGENT_TEST_LDADD)

tests_agent_test_binding_SOURCES = tests/agent/test-binding.c
tests_agent_test_binding_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_binding_LDADD = $(AGENT_TEST_LDADD)

tests_agent_test_link_SOURCES = tests/agent/test-link.c
tests_agent_test_link_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_link_LDADD = $(AGENT_TEST_LDADD)

tests_agent_test_keyring_SOURCES = tests/agent/test-keyring.c
tests_agent_test_keyring_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_keyring_LDADD = $(AGENT_TEST_LDADD)

tests_agent_test_shell_SOURCES = tests/agent/test-shell.c
tests_agent_test_shell_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_shell_LDADD = $(AGENT_TEST_LDADD)

tests_agent_test_socket_SOURCES = tests/agent/test-socket.c
tests_agent_test_socket_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_socket_LDADD = $(AGENT_TEST_LDADD)

tests_agent_keeper_test_vault_SOURCES = tests/agent/keeper/test-vault.c
tests_agent_keeper_test_vault_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_keeper_test_vault_LDADD = libkeeper.a $(LIBTA) $(GLIB_LIBS)

tests_agent_keeper_test_serve_SOURCES = tests/agent/keeper/test-serve.c
tests_agent_keeper_test_serve_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_keeper_test_serve_LDADD = libkeeper.a $(LIBTA) $(GLIB_LIBS)

tests_agent_test_prompter_SOURCES = tests/agent/test-prompter.c
tests_agent_test_prompter_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_prompter_LDADD = $(AGENT_TEST_LDADD)

tests_agent_test_keepers_SOURCES = tests/agent/test-keepers.c
tests_agent_test_keepers_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_keepers_LDADD = $(AGENT_TEST_LDADD)

tests_agent_test_server_SOURCES = tests/agent/test-server.c
tests_agent_test_server_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_server_LDADD = $(FRONT_LDADD) $(GLIB_LIBS)

tests_agent_test_launcher_SOURCES = tests/agent/test-launcher.c
tests_agent_test_launcher_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_launcher_LDADD = libtagent.a $(LIBTA) $(GLIB_LIBS)

tests_agent_test_loop_SOURCES = tests/agent/test-loop.c
tests_agent_test_loop_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_loop_LDADD = $(AGENT_TEST_LDADD)

tests_agent_test_unlocker_SOURCES = tests/agent/test-unlocker.c
tests_agent_test_unlocker_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)
tests_agent_test_unlocker_LDADD = $(AGENT_TEST_LDADD)
