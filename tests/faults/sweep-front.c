/* SPDX-License-Identifier: ISC */
/*
 * F31 in the front: every allocation of every request fails, in the front and in its keepers. Each
 * request is answered once, or its connection ends; what is refused changes nothing; whatever is
 * listed afterwards signs, and rightly; and the front goes on.
 */
#include <errno.h>
#include <glib.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/message.h"
#include "tests/support/failing.h"
#include "tests/support/front.h"
#include "tests/support/sweep.h"

#define DATA "what is signed"

enum { OLD = 1, NEW = 2, SLOW = 4 }; /* sets of keys */

static struct { TaKey *old, *new, *slow, *host, *ec_host; } keys;

typedef struct Step {
        const char *name;
        void (*write)(TaWriter *w); /* the request */
        uint8_t success;            /* the type of the answer when all is well */
        unsigned before, after;     /* the keys that are listed then */
        bool bound;                 /* the connection has come from elsewhere */
        bool locked_before, locked_after;
        bool confirm; /* the old key asks, and the person says yes */
        bool in_pieces;
        bool fresh; /* the connection is new, too */
        bool late;  /* a refusal takes its time */
        void (*judge)(uint8_t answer);
} Step;

static const Step *step;
static int client = -1, watcher = -1;
static uint8_t frame[4 + TA_MSG_MAX], received[4 + TA_MSG_MAX];
static size_t frame_len;

/* ---- bytes -------------------------------------------------------------------------------- */

/* What an answer's type says, 0 if the connection has ended. Nothing comes behind the answer. */
static uint8_t answer_on(int fd, TaBytes *ret) {
        ssize_t n = recv(fd, received, sizeof received, MSG_DONTWAIT);
        TaReader r = ta_reader((TaBytes){received, n > 0 ? (size_t)n : 0});
        TaBytes answer;

        if (n == 0 || (n < 0 && errno == ECONNRESET))
                return 0;
        if (n < 0)
                g_error("%s: no answer", step->name);
        answer = ta_read_string(&r);
        g_assert_cmpint(ta_read_end(&r), ==, 0);
        g_assert_cmpuint(answer.len, >, 0);
        if (ret)
                *ret = answer;
        return answer.data[0];
}

static void send_all(int fd, const uint8_t *bytes, size_t len) {
        g_assert_cmpint(send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL), ==, len);
}

static uint8_t ask(int fd, void (*write)(TaWriter *w), TaBytes *ret) {
        static uint8_t request[4 + TA_MSG_MAX];
        TaWriter w = ta_writer(request, sizeof request);
        size_t mark = ta_write_begin(&w);

        write(&w);
        ta_write_finish(&w, mark);
        g_assert_cmpint(w.err, ==, 0);
        send_all(fd, request, w.len);
        front_settle();
        return answer_on(fd, ret);
}

/* ---- requests ----------------------------------------------------------------------------- */

static void list(TaWriter *w) {
        ta_write_u8(w, SSH_AGENTC_REQUEST_IDENTITIES);
}

static void add_old(TaWriter *w) {
        ta_add_write(w, keys.old, ta_str("old"), NULL);
}

static void add_asking(TaWriter *w) {
        ta_add_write(w, keys.old, ta_str("old"), &(TaConstraints){.confirm = true});
}

static void add_new(TaWriter *w) {
        ta_add_write(w, keys.new, ta_str("new"), NULL);
}

static void add_for_a_while(TaWriter *w) {
        ta_add_write(w, keys.new, ta_str("new"),
                     &(TaConstraints){.has_lifetime = true, .lifetime = 1000});
}

static void add_slow(TaWriter *w) {
        ta_add_write(w, keys.slow, ta_str("slow"), NULL);
}

static TaInfo info_of_agent; /* with views of its keys */

static void add_sealed(TaWriter *w) {
        static uint8_t plain[4096];
        TaWriter p = ta_writer(plain, sizeof plain);

        ta_add_write(&p, keys.new, ta_str("new"), NULL);
        ta_add_sealed_write(w, (TaBytes){plain + 1, p.len - 1}, &info_of_agent);
}

static void write_sign(TaWriter *w, const TaKey *key) {
        ta_sign_request_write(w, &(TaSignRequest){.key = ta_key_blob(key),
                                                  .data = ta_str(DATA),
                                                  .flags = SSH_AGENT_RSA_SHA2_256});
}

static void sign_old(TaWriter *w) {
        write_sign(w, keys.old);
}

static void sign_new(TaWriter *w) {
        write_sign(w, keys.new);
}

static void sign_slow(TaWriter *w) {
        write_sign(w, keys.slow);
}

static void remove_old(TaWriter *w) {
        ta_remove_write(w, ta_key_blob(keys.old));
}

static void remove_all(TaWriter *w) {
        ta_write_u8(w, SSH_AGENTC_REMOVE_ALL_IDENTITIES);
}

static void lock(TaWriter *w) {
        ta_lock_write(w, true, ta_str("p"));
}

static void unlock(TaWriter *w) {
        ta_lock_write(w, false, ta_str("p"));
}

static void unlock_wrongly(TaWriter *w) {
        ta_lock_write(w, false, ta_str("q"));
}

static void query(TaWriter *w) {
        ta_extension_begin(w, TA_EXT_QUERY);
}

static void info(TaWriter *w) {
        ta_extension_begin(w, TA_EXT_INFO);
}

static void write_bind(TaWriter *w, const TaKey *host, bool forwarding, bool good) {
        uint8_t signature[512];
        TaWriter s = ta_writer(signature, sizeof signature);

        g_assert_cmpint(ta_key_sign(host, ta_str("session"), SSH_AGENT_RSA_SHA2_256, &s), ==, 0);
        if (!good)
                signature[s.len - 1] ^= 1;
        ta_extension_begin(w, TA_EXT_SESSION_BIND);
        ta_session_bind_write(w, &(TaSessionBind){.host_key = ta_key_blob(host),
                                                  .session_id = ta_str("session"),
                                                  .signature = ta_written(&s),
                                                  .is_forwarding = forwarding});
}

static void bind_here(TaWriter *w) {
        write_bind(w, keys.host, false, true);
}

static void bind_ec(TaWriter *w) {
        write_bind(w, keys.ec_host, false, true);
}

static void bind_ec_wrongly(TaWriter *w) {
        write_bind(w, keys.ec_host, false, false);
}

static void bind_forwarded(TaWriter *w) {
        write_bind(w, keys.host, true, true);
}

/* ---- judging ------------------------------------------------------------------------------ */

static bool rightly_signed(const TaKey *key, TaBytes answer) {
        TaBytes signature;

        return ta_sign_response_read(answer, &signature) == 0 &&
               ta_key_verify(key, ta_str(DATA), signature) == 0;
}

/* The keys that an agent that is not locked lists, each of which signs. */
static unsigned listed(void) {
        static const struct {
                TaKey **key;
                unsigned bit;
                void (*sign)(TaWriter *w);
        } all[] = {{&keys.old, OLD, sign_old},
                   {&keys.new, NEW, sign_new},
                   {&keys.slow, SLOW, sign_slow}};
        unsigned found = 0;
        uint32_t count;
        TaBytes answer;
        TaReader r;

        g_assert_cmpuint(ask(watcher, list, &answer), ==, SSH_AGENT_IDENTITIES_ANSWER);
        g_assert_cmpint(ta_identities_read(answer, &r, &count), ==, 0);
        for (uint32_t n = 0; n < count; n++) {
                TaBytes blob = ta_identities_next(&r).key;

                for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
                        if (ta_bytes_equal(blob, ta_key_blob(*all[i].key)))
                                found |= all[i].bit;
        }
        g_assert_cmpint(ta_read_end(&r), ==, 0);
        g_assert_cmpint(__builtin_popcount(found), ==, (int)count);
        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
                if (!(found & all[i].bit) || (step->confirm && all[i].bit == OLD))
                        continue;
                g_assert_cmpuint(ask(watcher, all[i].sign, &answer), ==, SSH_AGENT_SIGN_RESPONSE);
                g_assert_true(rightly_signed(*all[i].key, answer));
        }
        return found;
}

static void prepare(void *data ta_unused) {
        TaWriter w = ta_writer(frame, sizeof frame);
        size_t mark;

        if (step->before & OLD)
                g_assert_cmpuint(ask(watcher, step->confirm ? add_asking : add_old, NULL), ==,
                                 SSH_AGENT_SUCCESS);
        if (step->before & NEW)
                g_assert_cmpuint(ask(watcher, add_new, NULL), ==, SSH_AGENT_SUCCESS);
        if (step->before & SLOW)
                g_assert_cmpuint(ask(watcher, add_slow, NULL), ==, SSH_AGENT_SUCCESS);
        client = front_connect();
        if (!step->fresh)
                front_settle();
        if (step->bound)
                g_assert_cmpuint(ask(client, bind_forwarded, NULL), ==, SSH_AGENT_SUCCESS);
        if (step->locked_before)
                g_assert_cmpuint(ask(watcher, lock, NULL), ==, SSH_AGENT_SUCCESS);
        mark = ta_write_begin(&w);
        step->write(&w);
        ta_write_finish(&w, mark);
        g_assert_cmpint(w.err, ==, 0);
        frame_len = w.len;
}

static void act(void *data ta_unused) {
        size_t first = step->in_pieces ? frame_len - 1 : frame_len;

        (void)send(client, frame, first, MSG_DONTWAIT | MSG_NOSIGNAL);
        front_settle();
        (void)send(client, frame + first, frame_len - first, MSG_DONTWAIT | MSG_NOSIGNAL);
        front_settle();
        if (step->confirm) {
                (void)front_answer(0, "");
                front_settle();
        }
        if (step->late) {
                (void)front_wait(60000);
                front_settle();
        }
}

static bool locked(void) {
        TaBytes answer;
        TaInfo told;

        g_assert_cmpuint(ask(watcher, info, &answer), ==, SSH_AGENT_EXTENSION_RESPONSE);
        g_assert_cmpint(ta_info_read(answer, &told), ==, 0);
        return told.locked;
}

static void judge(void *data ta_unused) {
        TaBytes bytes = {0};
        uint8_t answer = answer_on(client, &bytes);
        bool right = rightly_signed(step->write == sign_slow ? keys.slow : keys.old, bytes);
        bool now_locked = locked();
        unsigned now;

        g_assert_true(right || answer != SSH_AGENT_SIGN_RESPONSE);
        if (answer && answer != step->success)
                g_assert_true(answer == SSH_AGENT_FAILURE || answer == SSH_AGENT_EXTENSION_FAILURE);
        if (step->judge)
                step->judge(answer);
        g_assert_true(front_agrees());
        if (answer) /* who was cut off cannot know */
                g_assert_cmpint(now_locked, ==,
                                answer == step->success ? step->locked_after : step->locked_before);
        if (now_locked)
                g_assert_cmpuint(ask(watcher, unlock, NULL), ==, SSH_AGENT_SUCCESS);
        now = listed();
        if (answer)
                g_assert_cmpuint(now, ==, answer == step->success ? step->after : step->before);
        else
                g_assert_true(now == step->after || now == step->before);
        close(client);
        front_settle();
        g_assert_cmpuint(ask(watcher, remove_all, NULL), ==, SSH_AGENT_SUCCESS);
        g_assert_cmpuint(listed(), ==, 0);
}

/* Whatever became of the bind: who may be elsewhere adds no key, who is here for sure does. */
static void judge_bind(uint8_t answer) {
        uint8_t added = answer ? ask(client, add_new, NULL) : 0;
        bool here = answer == SSH_AGENT_SUCCESS && step->write != bind_forwarded;

        if (answer)
                g_assert_cmpuint(added, ==, here ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
        if (added == SSH_AGENT_SUCCESS)
                g_assert_cmpuint(ask(watcher, remove_all, NULL), ==, SSH_AGENT_SUCCESS);
        if (added == SSH_AGENT_SUCCESS)
                g_assert_cmpuint(ask(watcher, add_old, NULL), ==, SSH_AGENT_SUCCESS);
}

#define ROW(name_, write_, success_, before_, after_)                                              \
        .name = (name_), .write = (write_), .success = (success_), .before = (before_),            \
        .after = (after_)

/* clang-format off */
static const Step steps[] = {
        {ROW("connect and list", list, SSH_AGENT_IDENTITIES_ANSWER, OLD, OLD), .fresh = true},
        {ROW("list", list, SSH_AGENT_IDENTITIES_ANSWER, OLD | NEW, OLD | NEW)},
        {ROW("list, in pieces", list, SSH_AGENT_IDENTITIES_ANSWER, OLD, OLD), .in_pieces = true},
        {ROW("list, while locked", list, SSH_AGENT_IDENTITIES_ANSWER, OLD, OLD),
         .locked_before = true, .locked_after = true},
        {ROW("sign", sign_old, SSH_AGENT_SIGN_RESPONSE, OLD, OLD)},
        {ROW("sign, in pieces", sign_old, SSH_AGENT_SIGN_RESPONSE, OLD, OLD), .in_pieces = true},
        {ROW("sign from elsewhere", sign_old, SSH_AGENT_SIGN_RESPONSE, OLD, OLD), .bound = true},
        {ROW("sign slowly", sign_slow, SSH_AGENT_SIGN_RESPONSE, OLD | SLOW, OLD | SLOW)},
        {ROW("sign, and ask", sign_old, SSH_AGENT_SIGN_RESPONSE, OLD, OLD), .confirm = true},
        {ROW("sign, while locked", sign_old, SSH_AGENT_SUCCESS, OLD, OLD),
         .locked_before = true, .locked_after = true},
        {ROW("add", add_new, SSH_AGENT_SUCCESS, OLD, OLD | NEW)},
        {ROW("add to none", add_new, SSH_AGENT_SUCCESS, 0, NEW)},
        {ROW("add, in pieces", add_new, SSH_AGENT_SUCCESS, OLD, OLD | NEW), .in_pieces = true},
        {ROW("add for a while", add_for_a_while, SSH_AGENT_SUCCESS, OLD, OLD | NEW)},
        {ROW("add again", add_for_a_while, SSH_AGENT_SUCCESS, OLD | NEW, OLD | NEW)},
        {ROW("add RSA", add_slow, SSH_AGENT_SUCCESS, OLD, OLD | SLOW)},
        {ROW("add from elsewhere", add_new, SSH_AGENT_SUCCESS, OLD, OLD), .bound = true},
        {ROW("add sealed", add_sealed, SSH_AGENT_SUCCESS, OLD, OLD | NEW)},
        {ROW("remove", remove_old, SSH_AGENT_SUCCESS, OLD | NEW, NEW)},
        {ROW("remove all", remove_all, SSH_AGENT_SUCCESS, OLD | NEW, 0)},
        {ROW("lock", lock, SSH_AGENT_SUCCESS, OLD, OLD), .locked_after = true},
        {ROW("unlock", unlock, SSH_AGENT_SUCCESS, OLD, OLD), .locked_before = true},
        {ROW("unlock wrongly", unlock_wrongly, 0xff, OLD, OLD),
         .locked_before = true, .locked_after = true, .late = true},
        {ROW("bind", bind_here, SSH_AGENT_SUCCESS, OLD, OLD), .judge = judge_bind},
        {ROW("bind by ECDSA", bind_ec, SSH_AGENT_SUCCESS, OLD, OLD), .judge = judge_bind},
        {ROW("bind wrongly", bind_ec_wrongly, 0xff, OLD, OLD), .judge = judge_bind},
        {ROW("bind as forwarded", bind_forwarded, SSH_AGENT_SUCCESS, OLD, OLD),
         .judge = judge_bind},
        {ROW("query", query, SSH_AGENT_EXTENSION_RESPONSE, OLD, OLD)},
        {ROW("info", info, SSH_AGENT_EXTENSION_RESPONSE, OLD, OLD)},
};
/* clang-format on */

static void begin(void) {
        static uint8_t told[TA_MSG_MAX];
        TaBytes answer;

        (void)front_new();
        watcher = front_connect();
        g_assert_cmpuint(ask(watcher, info, &answer), ==, SSH_AGENT_EXTENSION_RESPONSE);
        memcpy(told, answer.data, answer.len);
        g_assert_cmpint(ta_info_read((TaBytes){told, answer.len}, &info_of_agent), ==, 0);
}

static void finish(void) {
        close(watcher);
        front_free();
}

static void test_requests(void) {
        step = &steps[0];
        begin();
        for (step = steps; step < steps + G_N_ELEMENTS(steps); step++)
                sweep(&(Sweep){.name = step->name, .prepare = prepare, .act = act, .judge = judge});
        finish();
}

/* What an agent makes at the first request of a kind, and keeps. */
static const Step first_steps[] = {
        {ROW("first add", add_new, SSH_AGENT_SUCCESS, 0, NEW)},
        {ROW("first add, sealed", add_sealed, SSH_AGENT_SUCCESS, 0, NEW)},
        {ROW("first lock", lock, SSH_AGENT_SUCCESS, 0, 0), .locked_after = true},
};

static void prepare_first(void *data) {
        begin();
        prepare(data);
}

static void judge_first(void *data) {
        judge(data);
        finish();
}

static void test_first_requests(void) {
        for (step = first_steps; step < first_steps + G_N_ELEMENTS(first_steps); step++)
                sweep(&(Sweep){.name = step->name,
                               .prepare = prepare_first,
                               .act = act,
                               .judge = judge_first});
}

static TaKey *made(const char *option, unsigned bits) {
        TaKey *key = NULL;

        g_assert_cmpint(ta_key_generate(ta_key_type_by_option(option, bits), bits, &key), ==, 0);
        return key;
}

int main(int argc, char **argv) {
        int status;

        failing_adopt_libcrypto();
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        keys.old = made("ed25519", 0);
        keys.new = made("ed25519", 0);
        keys.host = made("ed25519", 0);
        keys.ec_host = made("ecdsa", 256);
        keys.slow = made("rsa", 1024);
        g_test_add_func("/sweep/front/f31-requests", test_requests);
        g_test_add_func("/sweep/front/f31-first-requests", test_first_requests);
        status = g_test_run();
        sweep_report();
        ta_key_free(keys.old);
        ta_key_free(keys.new);
        ta_key_free(keys.host);
        ta_key_free(keys.ec_host);
        ta_key_free(keys.slow);
        return status;
}
