/* SPDX-License-Identifier: ISC */
/* Both directions of the launcher's link: what is taken is written back byte for byte. */
#include "agent/launch.h"
#include "tests/fuzz/fuzz.h"

static uint8_t buf[LAUNCH_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        TaBytes datagram = {data, len};
        TaWriter w = ta_writer(buf, sizeof buf);
        LaunchRequest request;
        LaunchEnded ended;

        if (len > sizeof buf)
                return 0;
        if (launch_request_read(datagram, &request) == 0) {
                must(request.op == LAUNCH_ASK || request.prompt.len == 0);
                must(request.prompt.len == 0 ||
                     !memchr(request.prompt.data, 0, request.prompt.len));
                ta_write_u8(&w, request.op);
                ta_write_u32(&w, request.id);
                if (request.op == LAUNCH_ASK)
                        ta_write_string(&w, request.prompt);
        } else if (launch_ended_read(datagram, &ended) == 0) {
                must(ended.output.len <= LAUNCH_OUTPUT_MAX);
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
