/* SPDX-License-Identifier: ISC */
/* Bytes in, bytes out: frames whole, cut, too long, many at once, and ends of every kind. */
#include "tests/agent/conversation.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t list = SSH_AGENTC_REQUEST_IDENTITIES;
static const uint8_t remove_all = SSH_AGENTC_REMOVE_ALL_IDENTITIES;

static GBytes *add_message(const TaKey *key, const char *comment) {
        uint8_t *buf = g_malloc(MESSAGE_ROOM);
        TaWriter w = ta_writer(buf, MESSAGE_ROOM);

        ta_write_u32(&w, 0);
        ta_add_write(&w, key, ta_str(comment), NULL);
        g_assert_cmpint(w.err, ==, 0);
        *(uint32_t *)(void *)buf = GUINT32_TO_BE((uint32_t)w.len - 4);
        return g_bytes_new_take(buf, w.len);
}

/* F1, F2: what cannot be a frame ends the connection, after four bytes and without an answer */
static void test_impossible_lengths(void) {
        static const uint32_t lengths[] = {0, TA_MSG_MAX + 1, 1u << 31, UINT32_MAX};
        Agent *agent = conversation_begin();

        for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
                uint32_t be = GUINT32_TO_BE(lengths[i]);
                int c = client_new();

                client_send_raw(c, &be, sizeof be);
                g_assert_cmpint(client_reply_type(c), ==, 0);
                close(c);
        }
        conversation_end(agent);
}

static void test_byte_by_byte(void) {
        ta_cleanup(ta_key_freep) TaKey *key = make_key("ed25519");
        Agent *agent = conversation_begin();
        g_autoptr(GBytes) message = add_message(key, "c");
        size_t len;
        const uint8_t *bytes = g_bytes_get_data(message, &len);
        int c = client_new();

        for (size_t i = 0; i < len; i++) {
                g_assert_false(client_has_reply(c));
                client_send_raw(c, bytes + i, 1);
        }
        g_assert_cmpint(client_reply_type(c), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpuint(count_listed(c), ==, 1);
        client_close(c);
        conversation_end(agent);
}

/* the same with a passphrase: only its last byte locks and unlocks */
static void test_lock_byte_by_byte(void) {
        static const char passphrase[] = "as long as a sentence, and with an ending that counts";
        uint8_t frame[256];
        Agent *agent = conversation_begin();
        int c = client_new();

        for (int lock = 1; lock >= 0; lock--) {
                TaWriter w = ta_writer(frame, sizeof frame);
                size_t begin = ta_write_begin(&w);

                ta_lock_write(&w, lock, ta_str(passphrase));
                ta_write_finish(&w, begin);
                for (size_t i = 0; i < w.len; i++) {
                        g_assert_false(client_has_reply(c));
                        g_assert_cmpint(agent->locked, ==, !lock);
                        client_send_raw(c, frame + i, 1);
                }
                g_assert_cmpint(client_reply_type(c), ==, SSH_AGENT_SUCCESS);
                g_assert_cmpint(agent->locked, ==, lock);
        }
        client_close(c);
        conversation_end(agent);
}

/* F3: an add that is cut anywhere stores nothing */
static void test_cut_anywhere(void) {
        ta_cleanup(ta_key_freep) TaKey *key = make_key("ed25519");
        Agent *agent = conversation_begin();
        g_autoptr(GBytes) message = add_message(key, "c");
        size_t len;
        const uint8_t *bytes = g_bytes_get_data(message, &len);

        for (size_t n = 0; n < len; n++) {
                int c = client_new();

                client_send_raw(c, bytes, n);
                client_close(c);
        }
        g_assert_cmpuint(keyring_size(agent->keyring), ==, 0);
        conversation_end(agent);
}

/* F5: many requests in one write are answered in order, also where some of them have to wait */
static void test_pipelined(void) {
        static const uint8_t unknown = 250;
        ta_cleanup(ta_key_freep) TaKey *key = make_key("ed25519");
        Agent *agent = conversation_begin();
        int c = client_new();

        g_assert_cmpint(ask_add(c, key, "c", NULL), ==, SSH_AGENT_SUCCESS);
        for (int i = 0; i < 300; i++) {
                send_sign(c, key, ta_str("x"));
                client_send(c, (TaBytes){&list, 1});
                client_send(c, (TaBytes){&unknown, 1});
        }
        for (int i = 0; i < 300; i++) {
                g_assert_cmpint(client_reply_type(c), ==, SSH_AGENT_SIGN_RESPONSE);
                g_assert_cmpint(client_reply_type(c), ==, SSH_AGENT_IDENTITIES_ANSWER);
                g_assert_cmpint(client_reply_type(c), ==, SSH_AGENT_FAILURE);
        }
        client_close(c);
        conversation_end(agent);
}

/* F20: from nothing to the largest frame, and one byte more */
static void test_sizes_of_data(void) {
        ta_cleanup(ta_key_freep) TaKey *key = make_key("ed25519");
        Agent *agent = conversation_begin();
        size_t most = TA_MSG_MAX - 1 - 4 - key->blob_len - 4 - 4;
        g_autofree uint8_t *data = g_malloc0(most + 1);
        int c = client_new();

        g_assert_cmpint(ask_add(c, key, "c", NULL), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpint(ask_sign(c, key, (TaBytes){data, 0}), ==, SSH_AGENT_SIGN_RESPONSE);
        g_assert_cmpint(ask_sign(c, key, (TaBytes){data, most}), ==, SSH_AGENT_SIGN_RESPONSE);
        g_assert_cmpint(ask_sign(c, key, (TaBytes){data, most + 1}), ==, 0);
        client_close(c);
        conversation_end(agent);
}

/* what was asked for in whole messages happens, whether or not the client stays for the answer */
static void test_asked_and_gone(void) {
        ta_cleanup(ta_key_freep) TaKey *key = make_key("ed25519");
        Agent *agent = conversation_begin();
        g_autoptr(GBytes) add = add_message(key, "c");
        size_t len;
        const uint8_t *bytes = g_bytes_get_data(add, &len);
        int c;

        c = client_new();
        client_send_raw(c, bytes, len);
        close(c);
        while (keyring_size(agent->keyring) == 0)
                turn_loop_once();

        c = client_new();
        client_send(c, (TaBytes){&list, 1});
        client_send(c, (TaBytes){&remove_all, 1});
        close(c);
        while (keyring_size(agent->keyring) > 0)
                turn_loop_once();

        c = client_new();
        send_lock(c, true, "p");
        close(c);
        while (!agent->locked)
                turn_loop_once();
        conversation_end(agent);
}

/* a client that has nothing more to ask still hears all its answers, however slowly it reads */
static void test_half_closed(void) {
        g_autofree char *comment = g_strnfill(60000, 'x');
        ta_cleanup(ta_key_freep) TaKey *key = make_key("ed25519");
        Agent *agent = conversation_begin();
        int c = client_new();

        g_assert_cmpint(ask_add(c, key, comment, NULL), ==, SSH_AGENT_SUCCESS);
        for (int i = 0; i < 20; i++)
                client_send(c, (TaBytes){&list, 1});
        g_assert_cmpint(shutdown(c, SHUT_WR), ==, 0);
        turn_loop();
        for (int i = 0; i < 20; i++)
                g_assert_cmpint(client_reply_type(c), ==, SSH_AGENT_IDENTITIES_ANSWER);
        g_assert_cmpint(client_reply_type(c), ==, 0); /* and then the agent closes too */
        close(c);
        conversation_end(agent);
}

/* F5: a client that never reads is not read from either, and nobody else waits */
static void test_never_reading(void) {
        g_autofree char *comment = g_strnfill(60000, 'x');
        ta_cleanup(ta_key_freep) TaKey *key = make_key("ed25519");
        Agent *agent = conversation_begin();
        int deaf = client_new(), other = client_new();
        uint8_t frame[5] = {0, 0, 0, 1, SSH_AGENTC_REQUEST_IDENTITIES};
        size_t taken = 0;

        g_assert_cmpint(ask_add(other, key, comment, NULL), ==, SSH_AGENT_SUCCESS);
        for (;;) {
                ssize_t n = send(deaf, frame, sizeof frame, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0) {
                        g_assert_cmpint(errno, ==, EAGAIN);
                        turn_loop();
                        if (send(deaf, frame, sizeof frame, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                                break; /* nothing of it is taken any more */
                }
                taken++;
                g_assert_cmpuint(taken, <, 1000000);
        }
        g_assert_cmpuint(count_listed(other), ==, 1);
        client_close(deaf);
        client_close(other);
        conversation_end(agent);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/session/F1-F2-impossible-lengths", test_impossible_lengths);
        g_test_add_func("/session/byte-by-byte", test_byte_by_byte);
        g_test_add_func("/session/lock-byte-by-byte", test_lock_byte_by_byte);
        g_test_add_func("/session/F3-cut-anywhere", test_cut_anywhere);
        g_test_add_func("/session/F5-pipelined", test_pipelined);
        g_test_add_func("/session/F20-sizes-of-data", test_sizes_of_data);
        g_test_add_func("/session/asked-and-gone", test_asked_and_gone);
        g_test_add_func("/session/half-closed", test_half_closed);
        g_test_add_func("/session/F5-never-reading", test_never_reading);
        return g_test_run();
}
