/* SPDX-License-Identifier: ISC */
#include "agent/link.h"

int link_job_read(TaBytes datagram, LinkJob *ret) {
        TaReader r = ta_reader(datagram);
        LinkJob job = {0};
        int err;

        job.op = ta_read_u8(&r);
        job.job = ta_read_u32(&r);
        job.key = ta_read_u32(&r);
        job.contents = ta_read_rest(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        if (job.op < LINK_ADD || job.op > LINK_UNLOCK)
                return TA_E_PROTOCOL;
        *ret = job;
        return 0;
}

bool link_job_has_body(TaBytes datagram, size_t *ret_len) {
        LinkJob job;
        TaReader r;
        uint32_t len;

        if (link_job_read(datagram, &job))
                return false;
        if (job.op != LINK_ADD && job.op != LINK_LOCK && job.op != LINK_UNLOCK)
                return false;
        r = ta_reader(job.contents);
        len = ta_read_u32(&r);
        if (ta_read_end(&r) || len > TA_MSG_MAX)
                return false;
        *ret_len = len;
        return true;
}

void link_job_header(uint8_t out[static LINK_JOB_HEADER], uint8_t op, uint32_t job, uint32_t key) {
        TaWriter w = ta_writer(out, LINK_JOB_HEADER);

        ta_write_u8(&w, op);
        ta_write_u32(&w, job);
        ta_write_u32(&w, key);
}

int link_reply_read(TaBytes datagram, LinkReply *ret) {
        TaReader r = ta_reader(datagram);
        LinkReply reply = {0};
        int err;

        reply.job = ta_read_u32(&r);
        reply.status = (int32_t)ta_read_u32(&r);
        reply.contents = ta_read_rest(&r);
        err = ta_read_end(&r);
        if (err)
                return err;
        if (reply.status > 0)
                return TA_E_PROTOCOL;
        *ret = reply;
        return 0;
}

void link_reply_header(TaWriter *w, uint32_t job, int status) {
        ta_write_u32(w, job);
        ta_write_u32(w, (uint32_t)status);
}
