/* SPDX-License-Identifier: ISC */
/*
 * What the launcher says, and what an askpass program wrote, as the front reads them while it waits
 * for an answer. Bit 0 of the first byte: the parts are status and output, and the head is right; else
 * they are whole datagrams. The client gets one reply, and a signature only for a yes.
 */
#include <signal.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/launch.h"
#include "lib/message.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/front.h"

static TaKey *key;
static int fd;

/* A client whose request waits for the answer to the first question there is, whose number is 0. */
static void ask(void) {
        uint8_t message[1024];
        TaWriter w = ta_writer(message, sizeof message);

        if (!key)
                must(ta_key_generate(&ta_key_ed25519, 0, &key) == 0);
        (void)front_new();
        fd = front_connect();
        ta_add_write(&w, key, ta_str("c"), &(TaConstraints){.confirm = true});
        front_say(fd, ta_written(&w));
        front_settle();
        must(front_reply(fd) == SSH_AGENT_SUCCESS);
        w = ta_writer(message, sizeof message);
        ta_sign_request_write(&w, &(TaSignRequest){ta_key_blob(key), ta_str("data"), 0});
        front_say(fd, ta_written(&w));
        front_settle();
}

static TaBytes datagram(TaBytes part, bool with_head) {
        static uint8_t buf[LAUNCH_MAX];
        TaWriter w = ta_writer(buf, sizeof buf);

        if (with_head) {
                ta_write_u8(&w, LAUNCH_ENDED);
                ta_write_u32(&w, 0);
        }
        ta_write_raw(&w, part);
        return ta_written(&w);
}

/* What the client is to hear: 0: this is no answer to its question. */
static uint8_t meant(TaBytes said) {
        LaunchEnded ended;
        size_t len;

        if (launch_ended_read(said, &ended) || ended.id != 0)
                return 0;
        len = ended.output.len;
        while (len > 0 && (ended.output.data[len - 1] == '\n' || ended.output.data[len - 1] == '\r'))
                len--;
        if (ended.status == LAUNCH_FAILED || !WIFEXITED((int)ended.status) ||
            WEXITSTATUS((int)ended.status) != 0)
                return SSH_AGENT_FAILURE;
        return len == 0 || (len == 3 && strncasecmp((const char *)ended.output.data, "yes", 3) == 0)
                       ? SSH_AGENT_SIGN_RESPONSE
                       : SSH_AGENT_FAILURE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        TaReader r = ta_reader((TaBytes){data, len});
        uint8_t what = ta_read_u8(&r), want = 0;

        ask();
        for (int i = 0; i < 20 && r.len > 0; i++) {
                TaBytes said = datagram(fuzz_part(&r), what & 1);

                if (said.len == 0)
                        continue; /* that would be its end */
                if (!want)
                        want = meant(said);
                front_launcher_say(said);
                front_settle();
        }
        if (!want) {
                must(front_reply(fd) == 0);
                must(front_answer(SIGTERM, ""));
                front_settle();
                want = SSH_AGENT_FAILURE;
        }
        must(front_reply(fd) == want);
        must(front_reply(fd) == 0);
        close(fd);
        front_free();
        return 0;
}
