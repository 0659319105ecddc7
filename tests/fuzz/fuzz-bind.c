/* SPDX-License-Identifier: ISC */
/* A connection's binds, one after the other: limits hold, and no failure makes it local again. */
#include "agent/binding.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        TaReader r = ta_reader((TaBytes){data, len});
        Bindings bindings = {0};

        while (r.len > 0) {
                bool forwarded = bindings_forwarded(&bindings);
                size_t n = bindings.n;
                int err = bindings_add(&bindings, fuzz_part(&r));

                must(bindings.n <= n + (err == 0) && bindings.n <= TA_SESSION_BINDS_MAX);
                if (err || forwarded)
                        must(bindings_forwarded(&bindings)); /* never a local one again */
        }
        bindings_clear(&bindings);
        return 0;
}
