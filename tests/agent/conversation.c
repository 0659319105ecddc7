/* SPDX-License-Identifier: ISC */
#include "tests/agent/conversation.h"

#include <errno.h>
#include <limits.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/socket.h"

#define PATIENCE_S 60
#define LAST       UINT_MAX

static Agent agent;
static char *folder;
static char path[SOCKET_PATH_MAX];

Agent *conversation_begin(void) {
        g_autoptr(GError) error = NULL;
        int listener = -1;
        pid_t pid;

        alarm(PATIENCE_S);
        (void)signal(SIGPIPE, SIG_IGN);
        log_open(1, 0);
        folder = g_dir_make_tmp("ta-agent-XXXXXX", &error);
        g_assert_no_error(error);
        g_snprintf(path, sizeof path, "%s/s", folder);
        g_assert_cmpint(socket_listen(path, &listener, &pid), ==, 0);
        agent = (Agent){.hash = TA_HASH_SHA256};
        g_assert_cmpint(agent_start(&agent, listener), ==, 0);
        return &agent;
}

void conversation_end(Agent *a) {
        agent_stop(a);
        (void)waitpid(-1, NULL, 0); /* the launcher */
        socket_remove(path);
        g_assert_cmpint(g_rmdir(folder), ==, 0);
        g_clear_pointer(&folder, g_free);
        alarm(0);
}

void turn_loop_once(void) {
        (void)loop_turn(agent.loop, true);
}

void turn_loop(void) {
        while (loop_turn(agent.loop, false))
                ;
}

int client_new(void) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_assert_cmpint(fd, >=, 0);
        g_strlcpy(address.sun_path, path, sizeof address.sun_path);
        g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
        turn_loop();
        return fd;
}

void client_close(int fd) {
        close(fd);
        turn_loop();
}

void client_send_raw(int fd, const void *bytes, size_t len) {
        const uint8_t *at = bytes;

        while (len > 0) {
                ssize_t n = send(fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno == EPIPE)
                        return; /* what the agent had to say may still be there */
                if (n < 0) {
                        g_assert_cmpint(errno, ==, EAGAIN);
                        turn_loop_once();
                        continue;
                }
                at += n;
                len -= (size_t)n;
        }
}

void client_send(int fd, TaBytes message) {
        uint32_t be = GUINT32_TO_BE((uint32_t)message.len);
        g_autofree uint8_t *whole = g_malloc(4 + message.len);

        memcpy(whole, &be, 4);
        memcpy(whole + 4, message.data, message.len);
        client_send_raw(fd, whole, 4 + message.len);
}

/* false: closed. */
static bool take(int fd, uint8_t *to, size_t len) {
        while (len > 0) {
                ssize_t n = recv(fd, to, len, MSG_DONTWAIT);

                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        return false;
                if (n < 0) {
                        g_assert_cmpint(errno, ==, EAGAIN);
                        turn_loop_once();
                        continue;
                }
                to += n;
                len -= (size_t)n;
        }
        return true;
}

GBytes *client_reply(int fd) {
        uint32_t be;
        uint8_t *body;
        size_t len;

        if (!take(fd, (uint8_t *)&be, sizeof be))
                return g_bytes_new(NULL, 0);
        len = GUINT32_FROM_BE(be);
        g_assert_cmpuint(len, >, 0);
        g_assert_cmpuint(len, <=, TA_MSG_MAX);
        body = g_malloc(len);
        g_assert_true(take(fd, body, len));
        return g_bytes_new_take(body, len);
}

uint8_t client_reply_type(int fd) {
        g_autoptr(GBytes) reply = client_reply(fd);
        size_t len;
        const uint8_t *data = g_bytes_get_data(reply, &len);

        return len > 0 ? data[0] : 0;
}

bool client_has_reply(int fd) {
        uint8_t byte;

        turn_loop();
        return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

uint8_t client_ask(int fd, TaBytes message) {
        client_send(fd, message);
        return client_reply_type(fd);
}

uint8_t client_ask_simple(int fd, uint8_t type) {
        return client_ask(fd, (TaBytes){&type, 1});
}

static TaBytes written(const TaWriter *w) {
        g_assert_cmpint(w->err, ==, 0);
        return ta_written(w);
}

uint8_t ask_add(int fd, const TaKey *key, const char *comment, const TaConstraints *constraints) {
        g_autofree uint8_t *buf = g_malloc(MESSAGE_ROOM);
        TaWriter w = ta_writer(buf, MESSAGE_ROOM);

        ta_add_write(&w, key, ta_str(comment), constraints);
        return client_ask(fd, written(&w));
}

void send_sign(int fd, const TaKey *key, TaBytes data) {
        g_autofree uint8_t *buf = g_malloc(MESSAGE_ROOM);
        TaWriter w = ta_writer(buf, MESSAGE_ROOM);

        ta_sign_request_write(&w, &(TaSignRequest){.key = ta_key_blob(key), .data = data});
        client_send(fd, written(&w));
}

uint8_t ask_sign(int fd, const TaKey *key, TaBytes data) {
        send_sign(fd, key, data);
        return client_reply_type(fd);
}

void send_lock(int fd, bool lock, const char *passphrase) {
        g_autofree uint8_t *buf = g_malloc(MESSAGE_ROOM);
        TaWriter w = ta_writer(buf, MESSAGE_ROOM);

        ta_lock_write(&w, lock, ta_str(passphrase));
        client_send(fd, written(&w));
}

uint8_t ask_lock(int fd, bool lock, const char *passphrase) {
        send_lock(fd, lock, passphrase);
        return client_reply_type(fd);
}

uint8_t ask_bind(int fd, const TaKey *host, const char *session_id, bool forwarding,
                 bool signature_ok) {
        uint8_t signature[4096], buf[8192];
        TaWriter s = ta_writer(signature, sizeof signature), w = ta_writer(buf, sizeof buf);

        g_assert_cmpint(ta_key_sign(host, ta_str(session_id), SSH_AGENT_RSA_SHA2_256, &s), ==, 0);
        if (!signature_ok)
                signature[s.len - 1] ^= 1;
        ta_extension_begin(&w, TA_EXT_SESSION_BIND);
        ta_session_bind_write(&w, &(TaSessionBind){.host_key = ta_key_blob(host),
                                                   .session_id = ta_str(session_id),
                                                   .signature = written(&s),
                                                   .is_forwarding = forwarding});
        return client_ask(fd, written(&w));
}

uint32_t count_listed(int fd) {
        static const uint8_t list = SSH_AGENTC_REQUEST_IDENTITIES;
        g_autoptr(GBytes) reply = NULL;
        const uint8_t *data;
        uint32_t count;
        TaReader r;
        size_t len;

        client_send(fd, (TaBytes){&list, 1});
        reply = client_reply(fd);
        data = g_bytes_get_data(reply, &len);
        g_assert_cmpint(ta_identities_read((TaBytes){data, len}, &r, &count), ==, 0);
        for (uint32_t i = 0; i < count; i++)
                (void)ta_identities_next(&r);
        g_assert_cmpint(ta_read_end(&r), ==, 0);
        return count;
}

TaKey *make_key(const char *option) {
        const TaKeyType *type = ta_key_type_by_option(option, 0);
        TaKey *key = NULL;

        g_assert_nonnull(type);
        g_assert_cmpint(ta_key_generate(type, 0, &key), ==, 0);
        return key;
}

/* The children of a process, in the order of their start. */
static char **children_of(pid_t parent) {
        g_autofree char *file = g_strdup_printf("/proc/%d/task/%d/children", (int)parent, (int)parent);
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
        return g_strsplit(g_strchomp(text), " ", -1);
}

/* Child `n`, or the last one; 0: there are not so many. */
static pid_t child_of(pid_t parent, unsigned n) {
        g_auto(GStrv) children = children_of(parent);
        unsigned count = g_strv_length(children);

        if (n == LAST && count > 0)
                n = count - 1;
        return n < count ? (pid_t)g_ascii_strtoll(children[n], NULL, 10) : 0;
}

pid_t launcher_pid(void) {
        return child_of(getpid(), LAST);
}

/* One that has lost its keepers may still be there. */
pid_t warden_pid(void) {
        return child_of(launcher_pid(), LAST);
}

pid_t keeper_pid(unsigned n) {
        return child_of(warden_pid(), n);
}
