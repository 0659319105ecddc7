/* SPDX-License-Identifier: ISC */
/*
 * Replies of a keeper as the front reads them. The first byte chooses what a client has asked for;
 * then both keepers answer with what the input says, under the right job number unless a bit says
 * otherwise. The client gets one reply, and a key is listed only if its reply could be read.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "agent/link.h"
#include "lib/message.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/front.h"

static void write_request(TaWriter *w, uint8_t what) {
        switch (what & 3) {
        case 0:
                ta_write_u8(w, SSH_AGENTC_ADD_IDENTITY);
                ta_write_cstring(w, "a key, as far as the front knows");
                break;
        case 1:
                ta_lock_write(w, true, ta_str("secret"));
                break;
        case 2:
                ta_lock_write(w, false, ta_str("secret"));
                break;
        default:
                ta_write_u8(w, SSH_AGENTC_ADD_ID_CONSTRAINED);
        }
}

static void answer(unsigned keeper, TaBytes contents, bool right) {
        static uint8_t buf[LINK_MAX];
        TaWriter w = ta_writer(buf, sizeof buf);

        if (right)
                ta_write_u32(&w, 1); /* the first job there is */
        ta_write_raw(&w, contents);
        front_keeper_say(keeper, ta_written(&w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        TaReader r = ta_reader((TaBytes){data, len});
        uint8_t what = ta_read_u8(&r), buf[64];
        TaWriter w = ta_writer(buf, sizeof buf);
        size_t frame = ta_write_begin(&w);
        int fd;

        if (r.err)
                return 0;
        (void)front_new();
        fd = front_connect();
        write_request(&w, what);
        ta_write_finish(&w, frame);
        must(send(fd, buf, w.len, MSG_NOSIGNAL) == (ssize_t)w.len);
        while (front_turn())
                ;
        answer(0, fuzz_part(&r), !(what & 0x40));
        answer(1, ta_read_rest(&r), !(what & 0x80));
        while (front_turn())
                ;
        front_settle(); /* whoever is out of step was replaced, or answers now */
        must(recv(fd, buf, sizeof buf, MSG_DONTWAIT) == 5);
        must(buf[4] == SSH_AGENT_SUCCESS || buf[4] == SSH_AGENT_FAILURE);
        close(fd);
        front_free();
        return 0;
}
