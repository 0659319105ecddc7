/* SPDX-License-Identifier: ISC */
/*
 * The blocking client against an agent that says anything. The first byte chooses what is asked;
 * the rest is all that the agent ever sends.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/client.h"
#include "tests/fuzz/fuzz.h"

#define ANSWER_MAX (64 * 1024) /* what the socket takes at once */

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int listener = -1;
static TaKey *key;

static void forget_path(void) {
        (void)unlink(address.sun_path);
}

static void open_listener(void) {
        const char *dir = getenv("TMPDIR");

        snprintf(address.sun_path, sizeof address.sun_path, "%s/ta-fuzz.%d", dir ? dir : "/tmp",
                 (int)getpid());
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)unlink(address.sun_path);
        must(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
             listen(listener, 1) == 0);
        must(ta_key_generate(&ta_key_ed25519, 0, &key) == 0);
        (void)atexit(forget_path);
}

static void ask(TaClient *client, uint8_t what) {
        ta_cleanup(ta_freep) TaIdentity *list = NULL;
        TaReader names;
        TaBytes found;
        TaInfo info;
        size_t n = 0;

        switch (what % 8) {
        case 0:
                if (ta_client_list(client, &list, &n) == 0)
                        for (size_t i = 0; i < n; i++)
                                must(list[i].key.len + list[i].comment.len <= ANSWER_MAX);
                break;
        case 1:
                if (ta_client_sign(client, ta_str("key"), ta_str("data"), 0, &found) == 0)
                        must(found.len <= ANSWER_MAX);
                break;
        case 2:
                if (ta_client_query(client, &names) == 0)
                        while (names.len > 0)
                                must(ta_read_text(&names, TA_MSG_MAX).len < ANSWER_MAX &&
                                     !names.err);
                break;
        case 3:
                (void)!ta_client_remove(client, ta_str("key"));
                break;
        case 4:
                (void)!ta_client_lock(client, true, ta_str("secret"));
                break;
        case 5:
                (void)!ta_client_remove_all(client);
                break;
        case 6:
                if (ta_client_info(client, &info) == 0)
                        must(info.n_seal_keys <= TA_SEAL_KEYS_MAX && info.version.len < ANSWER_MAX);
                break;
        default:
                (void)!ta_client_add(client, key, ta_str("comment"), NULL);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        TaClient *client = NULL;
        int agent;

        if (len == 0 || len > ANSWER_MAX)
                return 0;
        if (listener < 0)
                open_listener();
        must(ta_client_connect(address.sun_path, &client) == 0);
        agent = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        must(agent >= 0 && send(agent, data + 1, len - 1, MSG_NOSIGNAL) == (ssize_t)len - 1);
        must(shutdown(agent, SHUT_WR) == 0);
        ask(client, data[0]);
        ask(client, data[0] >> 4); /* whatever came before, the next call ends too */
        ta_client_free(client);
        close(agent);
        return 0;
}
