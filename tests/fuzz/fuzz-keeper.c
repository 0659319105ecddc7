/* SPDX-License-Identifier: ISC */
/*
 * A keeper's end of the link: datagrams one after the other into one vault, deadlines passing
 * between them. Every job that wants a reply gets exactly one, and it fits. Whoever sends a sealed job
 * knows the public key: what is marked TO_BE_SEALED is sealed here.
 */
#include <sodium.h>

#include "agent/keeper/serve.h"
#include "tests/fuzz/fuzz.h"

#define TO_BE_SEALED (0x80 | LINK_SEALED)

static TaBytes seal(const Vault *vault, TaBytes job) {
        static uint8_t sealed[LINK_MAX];

        if (job.len < LINK_JOB_HEADER || job.data[0] != TO_BE_SEALED)
                return job;
        memcpy(sealed, job.data, LINK_JOB_HEADER);
        sealed[0] = LINK_SEALED;
        must(crypto_box_seal(sealed + LINK_JOB_HEADER, job.data + LINK_JOB_HEADER,
                             job.len - LINK_JOB_HEADER, vault_public_key(vault)) == 0);
        return (TaBytes){sealed, job.len + crypto_box_SEALBYTES};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        static uint8_t out[LINK_MAX];
        TaReader r = ta_reader((TaBytes){data, len});
        Vault *vault = NULL;
        uint64_t now_ms = 1;

        must(vault_new(&vault) == 0);
        while (r.len > 0) {
                TaBytes datagram = seal(vault, fuzz_part(&r));
                TaWriter w = ta_writer(out, sizeof out);
                LinkReply reply;
                LinkJob job;

                (void)vault_expire(vault, now_ms++);
                if (serve(vault, datagram, &w))
                        continue; /* the keeper would end; the next datagram may be good again */
                must(!w.err && link_job_read(datagram, &job) == 0);
                if (w.len == 0)
                        continue;
                must(link_reply_read(ta_written(&w), &reply) == 0 && reply.job == job.job);
        }
        vault_free(vault);
        return 0;
}
