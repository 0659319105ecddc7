/* SPDX-License-Identifier: ISC */
#include "agent/launch.h"

int launch_request_read(TaBytes datagram, LaunchRequest *ret) {
        TaReader r = ta_reader(datagram);
        LaunchRequest request = {0};
        int err;

        request.op = ta_read_u8(&r);
        request.id = ta_read_u32(&r);
        if (request.op == LAUNCH_ASK)
                request.prompt = ta_read_text(&r, LAUNCH_MAX);
        err = ta_read_end(&r);
        if (err)
                return err;
        if (request.op < LAUNCH_KEEPERS || request.op > LAUNCH_END)
                return TA_E_PROTOCOL;
        *ret = request;
        return 0;
}

int launch_ended_read(TaBytes datagram, LaunchEnded *ret) {
        TaReader r = ta_reader(datagram);
        LaunchEnded ended = {0};
        uint8_t op = ta_read_u8(&r);
        int err;

        ended.id = ta_read_u32(&r);
        ended.status = ta_read_u32(&r);
        ended.output = ta_read_string(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        if (op != LAUNCH_ENDED || ended.output.len > LAUNCH_OUTPUT_MAX)
                return TA_E_PROTOCOL;
        *ret = ended;
        return 0;
}
