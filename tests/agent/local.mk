# tests/agent/: mirrors agent/. conversation.c is an agent inside the test with clients around it.
AGENT_TEST_CPPFLAGS = $(TEST_CPPFLAGS)
AGENT_TEST_LDADD = libconversation.a libtagent.a $(LIBTA) $(GLIB_LIBS)

check_LIBRARIES += libconversation.a
libconversation_a_SOURCES = tests/agent/conversation.c tests/agent/conversation.h
libconversation_a_CPPFLAGS = $(AGENT_TEST_CPPFLAGS)

AGENT_TESTS = \
	tests/agent/test-op-lock \
	tests/agent/test-session \
	tests/agent/test-dispatch

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
