/* SPDX-License-Identifier: ISC */
/* Jobs and replies: written, read back, cut, and out of range. */
#include <glib.h>

#include "agent/link.h"

static void test_job(void) {
        for (unsigned op = 0; op < 256; op++) {
                uint8_t buf[LINK_JOB_HEADER + 3];
                bool good = op >= LINK_ADD && op <= LINK_UNLOCK;
                LinkJob job = {.op = 99};

                link_job_header(buf, (uint8_t)op, 0x01020304, 0xfffffffe);
                memcpy(buf + LINK_JOB_HEADER, "abc", 3);
                g_assert_cmpint(link_job_read((TaBytes){buf, sizeof buf}, &job), ==,
                                good ? 0 : TA_E_PROTOCOL);
                if (!good) {
                        g_assert_cmpint(job.op, ==, 99); /* untouched */
                        continue;
                }
                g_assert_cmpint(job.op, ==, op);
                g_assert_cmpuint(job.job, ==, 0x01020304);
                g_assert_cmpuint(job.key, ==, 0xfffffffe);
                g_assert_cmpmem(job.contents.data, job.contents.len, "abc", 3);
        }
}

static void test_reply(void) {
        static const int statuses[] = {0, TA_E_LOCKED, TA_E_TRUNCATED, -1, INT32_MIN};

        for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++) {
                uint8_t buf[64];
                TaWriter w = ta_writer(buf, sizeof buf);
                LinkReply reply;

                link_reply_header(&w, 7, statuses[i]);
                g_assert_cmpuint(w.len, ==, LINK_REPLY_HEADER);
                ta_write_cstring(&w, "x");
                g_assert_cmpint(link_reply_read(ta_written(&w), &reply), ==, 0);
                g_assert_cmpuint(reply.job, ==, 7);
                g_assert_cmpint(reply.status, ==, statuses[i]);
                g_assert_cmpuint(reply.contents.len, ==, 5);
        }
}

/* a status above zero is none of ours */
static void test_no_status(void) {
        static const int statuses[] = {1, 255, INT32_MAX};

        for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++) {
                uint8_t buf[LINK_REPLY_HEADER];
                TaWriter w = ta_writer(buf, sizeof buf);
                LinkReply reply;

                link_reply_header(&w, 7, statuses[i]);
                g_assert_cmpint(link_reply_read(ta_written(&w), &reply), ==, TA_E_PROTOCOL);
        }
}

/* F49: every prefix of a header is refused */
static void test_truncated(void) {
        uint8_t buf[LINK_JOB_HEADER];
        LinkReply reply;
        LinkJob job;

        link_job_header(buf, LINK_ADD, 1, 1);
        for (size_t n = 0; n < sizeof buf; n++) {
                g_autofree uint8_t *exact = g_memdup2(buf, n);

                g_assert_cmpint(link_job_read((TaBytes){exact, n}, &job), ==, TA_E_TRUNCATED);
                if (n < LINK_REPLY_HEADER)
                        g_assert_cmpint(link_reply_read((TaBytes){exact, n}, &reply), ==,
                                        TA_E_TRUNCATED);
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/link/job", test_job);
        g_test_add_func("/link/reply", test_reply);
        g_test_add_func("/link/no-status", test_no_status);
        g_test_add_func("/link/F49-truncated", test_truncated);
        return g_test_run();
}
