/* SPDX-License-Identifier: ISC */
#include "agent/launch.h"

#include "lib/proto.h"

int launch_request_read(TaBytes datagram, LaunchRequest *ret) {
        TaReader r = ta_reader(datagram);
        LaunchRequest request = {0};
        int err;

        request.op = ta_read_u8(&r);
        request.id = ta_read_u32(&r);
        if (request.op == LAUNCH_ASK || request.op == LAUNCH_UNLOCK)
                request.text = ta_read_text(&r, LAUNCH_MAX);
        err = ta_read_end(&r);
        if (err)
                return err;
        if (request.op < LAUNCH_KEEPERS || request.op > LAUNCH_UNLOCK || request.op == LAUNCH_ENDED)
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

void launch_unlocked_write(TaWriter *w, int status, uint32_t len) {
        ta_write_u32(w, (uint32_t)status);
        ta_write_u32(w, len);
}

int launch_unlocked_read(TaBytes output, int *ret_status, uint32_t *ret_len) {
        TaReader r = ta_reader(output);
        int status = (int32_t)ta_read_u32(&r);
        uint32_t len = ta_read_u32(&r);
        int err = ta_read_end(&r);

        if (err)
                return err;
        if (status > 0 || len > TA_MSG_MAX || (status == 0) != (len > 0))
                return TA_E_PROTOCOL;
        *ret_status = status;
        *ret_len = len;
        return 0;
}
