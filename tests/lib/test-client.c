/* SPDX-License-Identifier: ISC */
/*
 * The blocking client against an agent that lies: a child process that takes a request and says
 * what it was told to say. Whatever that is, the call ends with the code that names it, and the
 * connection serves on if, and only if, request and answer are still in step.
 */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/client.h"

#define FRAME_MAX (4 + TA_MSG_MAX)

static char *dir, *path;

static bool take(int fd, uint8_t *buf, size_t len) {
        while (len > 0) {
                ssize_t n = recv(fd, buf, len, 0);

                if (n <= 0)
                        return false;
                buf += n;
                len -= (size_t)n;
        }
        return true;
}

static void say(int fd, const uint8_t *bytes, size_t len, size_t at_once) {
        for (size_t n; len > 0; bytes += n, len -= n) {
                n = len < at_once ? len : at_once;
                if (send(fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
                        break;
        }
}

/* In the child: after each request the same bytes, `times` times; then it hangs up. */
static void __attribute__((noreturn))
lie(int listener, const uint8_t *bytes, size_t len, size_t at_once, unsigned times) {
        static uint8_t request[FRAME_MAX];
        int fd = accept(listener, NULL, NULL);

        (void)alarm(60);
        while (fd >= 0 && times-- > 0 && take(fd, request, 4)) {
                TaReader r = ta_reader((TaBytes){request, 4});
                uint32_t n = ta_read_u32(&r);

                if (n == 0 || n > TA_MSG_MAX || !take(fd, request + 4, n))
                        _exit(1);
                say(fd, bytes, len, at_once);
        }
        _exit(0);
}

static int listen_at_path(void) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)g_strlcpy(address.sun_path, path, sizeof address.sun_path);
        (void)g_unlink(path);
        g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof address), ==, 0);
        g_assert_cmpint(listen(listener, 1), ==, 0);
        return listener;
}

/* A client of such an agent, which is ended and asked for its opinion by liar_end(). */
static TaClient *liar(const uint8_t *bytes, size_t len, size_t at_once, unsigned times,
                      pid_t *ret_pid) {
        int listener = listen_at_path();
        TaClient *client = NULL;

        *ret_pid = fork();
        g_assert_cmpint(*ret_pid, >=, 0);
        if (*ret_pid == 0)
                lie(listener, bytes, len, at_once, times);
        close(listener);
        g_assert_cmpint(ta_client_connect(path, &client), ==, 0);
        return client;
}

static void liar_end(TaClient *client, pid_t pid) {
        int status = 1;

        ta_client_free(client);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0); /* every request that it saw was whole */
}

/* What is asked, by name; the views of an answer are walked through. */
static int ask(TaClient *client, const char *what) {
        ta_cleanup(ta_freep) TaIdentity *list = NULL;
        TaReader names;
        TaBytes found;
        TaInfo info;
        size_t n = 0;
        int err;

        if (strcmp(what, "list") == 0) {
                err = ta_client_list(client, &list, &n);
                for (size_t i = 0; i < n; i++)
                        g_assert_cmpuint(list[i].key.len + list[i].comment.len, <, TA_MSG_MAX);
                return err;
        }
        if (strcmp(what, "sign") == 0) {
                err = ta_client_sign(client, ta_str("key"), ta_str("data"), 0, &found);
                if (!err)
                        g_assert_cmpmem(found.data, found.len, "sig", 3);
                return err;
        }
        if (strcmp(what, "query") == 0)
                return ta_client_query(client, &names);
        if (strcmp(what, "info") == 0)
                return ta_client_info(client, &info);
        if (strcmp(what, "lock") == 0)
                return ta_client_lock(client, true, ta_str("secret"));
        if (strcmp(what, "remove") == 0)
                return ta_client_remove(client, ta_str("key"));
        g_assert_cmpstr(what, ==, "remove all");
        return ta_client_remove_all(client);
}

/* The head of an answer of so many bytes to info@tagent, up to the number of keys. */
#define INFO(len, level, locked, launcher)                                                         \
        0, 0, 0, len, 29, 0, 0, 0, 11, 'i', 'n', 'f', 'o', '@', 't', 'a', 'g', 'e', 'n', 't', 0, 0, 0, \
                1, '1', level, locked, launcher, 0, 0, 0, 7

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static const struct lie {
        const char *what;
        const uint8_t *bytes;
        size_t len;
        int err, then; /* of the first call, and of a second one on the same connection */
} lies[] = {
        /* the truth */
        {"remove all", BYTES(0, 0, 0, 1, 6), 0, 0},
        {"remove", BYTES(0, 0, 0, 1, 5), TA_E_REFUSED, TA_E_REFUSED},
        {"list", BYTES(0, 0, 0, 5, 12, 0, 0, 0, 0), 0, 0},
        {"list", BYTES(0, 0, 0, 15, 12, 0, 0, 0, 1, 0, 0, 0, 1, 'k', 0, 0, 0, 1, 'c'), 0, 0},
        {"sign", BYTES(0, 0, 0, 8, 14, 0, 0, 0, 3, 's', 'i', 'g'), 0, 0},
        {"query", BYTES(0, 0, 0, 14, 29, 0, 0, 0, 5, 'q', 'u', 'e', 'r', 'y', 0, 0, 0, 0), 0, 0},
        {"query", BYTES(0, 0, 0, 1, 28), TA_E_REFUSED, TA_E_REFUSED},
        {"lock", BYTES(0, 0, 0, 1, 102), TA_E_REFUSED, TA_E_REFUSED},
        {"info", BYTES(INFO(32, 3, 0, 1), 0, 0, 0, 0), 0, 0},
        {"info", BYTES(0, 0, 0, 1, 5), TA_E_REFUSED, TA_E_REFUSED},
        /* the wrong answer, whole */
        {"info", BYTES(0, 0, 0, 1, 6), TA_E_PROTOCOL, TA_E_PROTOCOL},
        {"info", BYTES(0, 0, 0, 14, 29, 0, 0, 0, 5, 'q', 'u', 'e', 'r', 'y', 0, 0, 0, 0),
         TA_E_MALFORMED, TA_E_MALFORMED},
        {"info", BYTES(INFO(32, 3, 2, 1), 0, 0, 0, 0), TA_E_MALFORMED, TA_E_MALFORMED},
        {"info", BYTES(INFO(32, 3, 0, 9), 0, 0, 0, 0), TA_E_MALFORMED, TA_E_MALFORMED},
        {"remove all", BYTES(0, 0, 0, 1, 12), TA_E_PROTOCOL, TA_E_PROTOCOL},
        {"remove all", BYTES(0, 0, 0, 2, 6, 0), TA_E_PROTOCOL, TA_E_PROTOCOL},
        {"list", BYTES(0, 0, 0, 1, 6), TA_E_PROTOCOL, TA_E_PROTOCOL},
        {"sign", BYTES(0, 0, 0, 1, 6), TA_E_PROTOCOL, TA_E_PROTOCOL},
        {"query", BYTES(0, 0, 0, 1, 6), TA_E_PROTOCOL, TA_E_PROTOCOL},
        {"query", BYTES(0, 0, 0, 9, 29, 0, 0, 0, 4, 'q', 'u', 'e', 'r'), TA_E_MALFORMED,
         TA_E_MALFORMED},
        /* lengths and counts that lie */
        {"list", BYTES(0, 0, 0, 5, 12, 0, 0, 0, 1), TA_E_TRUNCATED, TA_E_TRUNCATED},
        {"list", BYTES(0, 0, 0, 5, 12, 255, 255, 255, 255), TA_E_LIMIT, TA_E_LIMIT},
        {"list", BYTES(0, 0, 0, 4, 12, 0, 0, 0), TA_E_TRUNCATED, TA_E_TRUNCATED},
        {"list", BYTES(0, 0, 0, 6, 12, 0, 0, 0, 0, 0), TA_E_TRAILING, TA_E_TRAILING},
        {"list", BYTES(0, 0, 0, 13, 12, 0, 0, 0, 1, 255, 255, 255, 255, 0, 0, 0, 0), TA_E_TRUNCATED,
         TA_E_TRUNCATED},
        {"sign", BYTES(0, 0, 0, 5, 14, 0, 0, 0, 1), TA_E_TRUNCATED, TA_E_TRUNCATED},
        {"sign", BYTES(0, 0, 0, 6, 14, 0, 0, 0, 0, 0), TA_E_TRAILING, TA_E_TRAILING},
        {"query", BYTES(0, 0, 0, 14, 29, 0, 0, 0, 5, 'q', 'u', 'e', 'r', 'y', 0, 0, 0, 9),
         TA_E_TRUNCATED, TA_E_TRUNCATED},
        {"info", BYTES(INFO(32, 3, 0, 1), 0, 0, 0, 1), TA_E_TRUNCATED, TA_E_TRUNCATED},
        {"info", BYTES(INFO(32, 3, 0, 1), 0, 0, 0, TA_SEAL_KEYS_MAX + 1), TA_E_LIMIT, TA_E_LIMIT},
        {"info", BYTES(INFO(32, 3, 0, 1), 255, 255, 255, 255), TA_E_LIMIT, TA_E_LIMIT},
        {"info", BYTES(INFO(33, 3, 0, 1), 0, 0, 0, 0, 0), TA_E_TRAILING, TA_E_TRAILING},
        {"info", BYTES(INFO(36, 3, 0, 1), 0, 0, 0, 1, 0, 0, 0, 0), TA_E_MALFORMED, TA_E_MALFORMED},
        {"info", BYTES(INFO(39, 3, 0, 1), 0, 0, 0, 1, 0, 0, 0, 3, 'k', 'e', 'y'), TA_E_MALFORMED,
         TA_E_MALFORMED},
        {"info", BYTES(INFO(36, 3, 0, 1), 0, 0, 0, 1, 255, 255, 255, 255), TA_E_TRUNCATED,
         TA_E_TRUNCATED},
        /* after these nobody knows any more which answer belongs to what */
        {"list", BYTES(0, 0, 0, 0), TA_E_PROTOCOL, -EPIPE},
        {"list", BYTES(0, 4, 0, 1, 12), TA_E_PROTOCOL, -EPIPE},
        {"list", BYTES(255, 255, 255, 255, 12), TA_E_PROTOCOL, -EPIPE},
        {"list", BYTES(128, 0, 0, 0), TA_E_PROTOCOL, -EPIPE},
        /* extra bytes are the beginning of the next answer */
        {"remove all", BYTES(0, 0, 0, 1, 6, 0, 0, 0, 1, 5), 0, TA_E_REFUSED},
        {"remove all", BYTES(0, 0, 0, 1, 6, 0, 0, 0, 0), 0, TA_E_PROTOCOL},
};

static void test_lies(void) {
        for (size_t at_once = 1; at_once <= 64; at_once += 63) {
                for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
                        const struct lie *lie = &lies[i];
                        pid_t pid;
                        TaClient *client = liar(lie->bytes, lie->len, at_once, 2, &pid);

                        g_test_message("%zu: %s", i, lie->what);
                        g_assert_cmpint(ask(client, lie->what), ==, lie->err);
                        g_assert_cmpint(ask(client, lie->what), ==, lie->then);
                        liar_end(client, pid);
                }
        }
}

/* F3: every prefix of an answer, then the end; later calls fail too, and do not wait. */
static void test_cut(void) {
        static const uint8_t answer[] = {0, 0, 0, 15,  12, 0, 0, 0, 1,  0,
                                         0, 0, 1, 'k', 0,  0, 0, 1, 'c'};

        for (size_t cut = 0; cut < sizeof answer; cut++) {
                pid_t pid;
                TaClient *client = liar(answer, cut, 64, 1, &pid);

                g_assert_cmpint(ask(client, "list"), ==, -EPIPE);
                g_assert_cmpint(ask(client, "list"), ==, -EPIPE);
                g_assert_cmpint(ask(client, "remove all"), ==, -EPIPE);
                liar_end(client, pid);
        }
}

/* The largest answer there may be, filled with identities of no length. */
static void test_largest(void) {
        g_autofree uint8_t *answer = g_malloc0(FRAME_MAX);
        TaWriter w = ta_writer(answer, FRAME_MAX);
        ta_cleanup(ta_freep) TaIdentity *list = NULL;
        uint32_t count = (TA_MSG_MAX - 5) / 8;
        size_t n = 0;
        TaClient *client;
        pid_t pid;

        ta_write_u32(&w, 5 + 8 * count);
        ta_identities_begin(&w, count);
        client = liar(answer, 9 + 8 * count, 5000, 1, &pid);
        g_assert_cmpint(ta_client_list(client, &list, &n), ==, 0);
        g_assert_cmpuint(n, ==, count);
        liar_end(client, pid);
}

/* ---- adding, sealed or as the protocol has it ------------------------------------------- */

enum { N_KEEPERS = 2 };

/* An agent that knows info@tagent and says of itself what it likes. */
static struct adding {
        const char *name;
        void (*tell)(TaWriter *w); /* its answer to info@tagent */
        bool sealed;               /* what it is given then */
} *now;

static uint8_t seal_pk[N_KEEPERS][TA_SEAL_KEY_LEN], seal_sk[N_KEEPERS][TA_SEAL_KEY_LEN];
static uint8_t plain[1024]; /* the key, as the protocol has it */
static size_t plain_len;

static void tell_truth(TaWriter *w) {
        TaInfo info = {.version = ta_str("1"), .n_seal_keys = N_KEEPERS};

        for (size_t i = 0; i < N_KEEPERS; i++)
                info.seal_keys[i] = (TaBytes){seal_pk[i], TA_SEAL_KEY_LEN};
        ta_info_write(w, &info);
}

static void tell_none(TaWriter *w) {
        ta_info_write(w, &(TaInfo){.version = ta_str("1")});
}

static void tell_failure(TaWriter *w) {
        ta_write_u8(w, SSH_AGENT_FAILURE);
}

static void tell_success(TaWriter *w) {
        ta_write_u8(w, SSH_AGENT_SUCCESS);
}

static void tell_short_key(TaWriter *w) {
        ta_info_write(w, &(TaInfo){.version = ta_str("1"), .n_seal_keys = 1,
                                   .seal_keys = {{seal_pk[0], TA_SEAL_KEY_LEN - 1}}});
}

static void tell_thousands(TaWriter *w) {
        tell_none(w);
        w->len -= 4;
        ta_write_u32(w, 5000);
        for (size_t i = 0; i < 5000; i++)
                ta_write_string(w, (TaBytes){seal_pk[0], TA_SEAL_KEY_LEN});
}

static struct adding addings[] = {
        {"the truth", tell_truth, true},          {"no keys", tell_none, false},
        {"failure", tell_failure, false},         {"success", tell_success, false},
        {"a short key", tell_short_key, false},   {"thousands of keys", tell_thousands, false},
};

/* In the child, whose arena is not the parent's: whether every box holds the key. */
static bool opens(TaBytes request) {
        uint8_t open[sizeof plain];
        TaExtension extension;
        TaAddSealed add;

        if (ta_extension_read(request, &extension) ||
            !ta_bytes_is(extension.name, TA_EXT_ADD_SEALED) ||
            ta_add_sealed_read(extension.contents, &add) || add.n != N_KEEPERS)
                return false;
        for (size_t i = 0; i < N_KEEPERS; i++)
                if (add.boxes[i].len != crypto_box_SEALBYTES + plain_len - 1 ||
                    crypto_box_seal_open(open, add.boxes[i].data, add.boxes[i].len, seal_pk[i],
                                         seal_sk[i]) != 0 ||
                    memcmp(open, plain + 1, plain_len - 1) != 0)
                        return false;
        return true;
}

/* Takes one request. */
static TaBytes hear(int fd) {
        static uint8_t request[FRAME_MAX];
        TaReader r = ta_reader((TaBytes){request, 4});
        uint32_t len;

        if (!take(fd, request, 4))
                _exit(2);
        len = ta_read_u32(&r);
        if (len == 0 || len > TA_MSG_MAX || !take(fd, request + 4, len))
                _exit(2);
        return (TaBytes){request + 4, len};
}

/* In the child: is asked, tells, is given a key, and refuses the first time. */
static void __attribute__((noreturn)) be_added_to(int listener) {
        static uint8_t frame[FRAME_MAX];
        int fd = accept(listener, NULL, NULL);

        (void)alarm(60);
        for (int time = 0; time < 2; time++) {
                TaWriter w = ta_writer(frame, sizeof frame);
                size_t begin;
                TaExtension extension;
                TaBytes request;

                if (now->sealed || time == 0) { /* what could not be sealed to is not asked again */
                        if (ta_extension_read(hear(fd), &extension) ||
                            !ta_bytes_is(extension.name, TA_EXT_INFO))
                                _exit(3);
                        begin = ta_write_begin(&w);
                        now->tell(&w);
                        ta_write_finish(&w, begin);
                        say(fd, frame, w.len, SIZE_MAX);
                }
                request = hear(fd);
                if (now->sealed ? !opens(request) : !ta_bytes_equal(request, (TaBytes){plain, plain_len}))
                        _exit(4);
                w = ta_writer(frame, sizeof frame);
                begin = ta_write_begin(&w);
                ta_write_u8(&w, time > 0         ? SSH_AGENT_SUCCESS
                                : now->sealed ? SSH_AGENT_EXTENSION_FAILURE
                                              : SSH_AGENT_FAILURE);
                ta_write_finish(&w, begin);
                say(fd, frame, w.len, SIZE_MAX);
        }
        _exit(take(fd, frame, 1) ? 5 : 0); /* nothing more is said */
}

static void test_adding(void) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        TaWriter w = ta_writer(plain, sizeof plain);

        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &key), ==, 0);
        ta_add_write(&w, key, ta_str("comment"), NULL);
        plain_len = w.len;
        for (size_t i = 0; i < N_KEEPERS; i++)
                crypto_box_keypair(seal_pk[i], seal_sk[i]);
        for (size_t i = 0; i < G_N_ELEMENTS(addings); i++) {
                int listener = listen_at_path();
                TaClient *client = NULL;
                pid_t pid;

                now = &addings[i];
                g_test_message("%s", now->name);
                pid = fork();
                g_assert_cmpint(pid, >=, 0);
                if (pid == 0)
                        be_added_to(listener);
                close(listener);
                g_assert_cmpint(ta_client_connect(path, &client), ==, 0);
                g_assert_cmpint(ta_client_add(client, key, ta_str("comment"), NULL), ==,
                                TA_E_REFUSED);
                g_assert_cmpint(ta_client_add(client, key, ta_str("comment"), NULL), ==, 0);
                liar_end(client, pid);
        }
}

static void test_requests_have_limits(void) {
        g_autofree uint8_t *large = g_malloc0(TA_MSG_MAX + 1);
        TaBytes answer;
        pid_t pid;
        TaClient *client = liar(BYTES(0, 0, 0, 1, 6), 64, 3, &pid);

        g_assert_cmpint(ta_client_ask(client, (TaBytes){large, 0}, &answer), ==, TA_E_LIMIT);
        g_assert_cmpint(ta_client_ask(client, (TaBytes){large, TA_MSG_MAX + 1}, &answer), ==,
                        TA_E_LIMIT);
        g_assert_cmpint(ta_client_lock(client, true, (TaBytes){large, TA_MSG_MAX}), ==, TA_E_LIMIT);
        g_assert_cmpint(ask(client, "remove all"), ==, 0); /* nothing of them was sent */
        liar_end(client, pid);
}

static void test_nobody_there(void) {
        g_autofree char *none = g_build_filename(dir, "none", NULL);
        g_autofree char *large = g_strnfill(200, 'x');
        TaClient *client = NULL;

        g_assert_cmpint(ta_client_connect(none, &client), ==, -ENOENT);
        g_assert_cmpint(ta_client_connect(large, &client), ==, -ENAMETOOLONG);
        g_unsetenv("SSH_AUTH_SOCK");
        g_assert_cmpint(ta_client_connect(NULL, &client), ==, TA_E_NO_AGENT);
        (void)g_setenv("SSH_AUTH_SOCK", "", TRUE);
        g_assert_cmpint(ta_client_connect(NULL, &client), ==, TA_E_NO_AGENT);
        g_assert_null(client);
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        dir = g_dir_make_tmp("ta-client-XXXXXX", NULL);
        g_assert_nonnull(dir);
        path = g_build_filename(dir, "agent", NULL);
        g_test_add_func("/client/lies", test_lies);
        g_test_add_func("/client/f3-cut", test_cut);
        g_test_add_func("/client/largest-answer", test_largest);
        g_test_add_func("/client/adding", test_adding);
        g_test_add_func("/client/requests-have-limits", test_requests_have_limits);
        g_test_add_func("/client/nobody-there", test_nobody_there);
        status = g_test_run();
        (void)g_unlink(path);
        (void)g_rmdir(dir);
        g_free(path);
        g_free(dir);
        return status;
}
