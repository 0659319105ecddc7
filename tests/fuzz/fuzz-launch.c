/* SPDX-License-Identifier: ISC */
/* Both directions of the launcher's link: what is taken is written back byte for byte. */
#include "agent/launch.h"
#include "tests/fuzz/fuzz.h"

/* What an unlocker says: whatever is taken, is written back. */
static void unlocked(TaBytes output) {
        uint8_t again[LAUNCH_UNLOCKED_LEN];
        TaWriter w = ta_writer(again, sizeof again);
        uint32_t key_len;
        int status;

        if (launch_unlocked_read(output, &status, &key_len))
                return;
        must(status <= 0 && (status == 0) == (key_len > 0));
        launch_unlocked_write(&w, status, key_len);
        must(!w.err && ta_bytes_equal(ta_written(&w), output));
}

static uint8_t buf[LAUNCH_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        TaBytes datagram = {data, len};
        TaWriter w = ta_writer(buf, sizeof buf);
        LaunchRequest request;
        LaunchEnded ended;

        if (len > sizeof buf)
                return 0;
        if (launch_request_read(datagram, &request) == 0) {
                must(request.text.len == 0 || request.op == LAUNCH_ASK || request.op == LAUNCH_UNLOCK);
                must(request.text.len == 0 ||
                     !memchr(request.text.data, 0, request.text.len));
                ta_write_u8(&w, request.op);
                ta_write_u32(&w, request.id);
                if (request.op == LAUNCH_ASK || request.op == LAUNCH_UNLOCK)
                        ta_write_string(&w, request.text);
        } else if (launch_ended_read(datagram, &ended) == 0) {
                must(ended.output.len <= LAUNCH_OUTPUT_MAX);
                unlocked(ended.output);
                ta_write_u8(&w, LAUNCH_ENDED);
                ta_write_u32(&w, ended.id);
                ta_write_u32(&w, ended.status);
                ta_write_string(&w, ended.output);
        } else {
                return 0;
        }
        must(!w.err && ta_bytes_equal(ta_written(&w), datagram));
        return 0;
}
