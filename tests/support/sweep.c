/* SPDX-License-Identifier: ISC */
#include "tests/support/sweep.h"

#include <glib.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/failing.h"

#define WARM_UP ULONG_MAX /* no allocation fails; what is made at first use is kept */

static unsigned long n_points;
static long lost_by_libcrypto;

bool sweep_long(void) {
        return g_strcmp0(g_getenv("TA_LONG"), "1") == 0;
}

/* One run; whether an allocation failed in it. */
static bool run(const Sweep *s, unsigned long at, bool for_good) {
        long live, live_in_libcrypto, left;
        bool failed;

        live = failing_live();
        live_in_libcrypto = failing_live_in_libcrypto();
        if (s->prepare)
                s->prepare(s->data);
        failing_begin(at, for_good);
        s->act(s->data);
        failed = failing_end();
        s->judge(s->data);
        ERR_clear_error(); /* it keeps names of files with the errors */
        left = failing_live_in_libcrypto() - live_in_libcrypto;
        if (left > 0 && at != WARM_UP)
                lost_by_libcrypto += left;
        left = failing_live() - live;
        if (left > 0 && at != WARM_UP)
                g_error("%s: allocation %lu fails %s: %ld blocks are lost", s->name, at,
                        for_good ? "for good" : "once", left);
        return failed;
}

void sweep(const Sweep *s) {
        unsigned long stride = s->stride && !sweep_long() ? s->stride : 1, n = 0;

        (void)run(s, WARM_UP, false);
        for (int for_good = 0; for_good < 2; for_good++)
                for (unsigned long at = (unsigned long)getpid() % stride; run(s, at, for_good);
                     at += stride)
                        n++;
        n_points += n;
        g_test_message("%s: %lu allocations failed", s->name, n);
}

void sweep_report(void) {
        g_print("# %lu allocations failed; libcrypto lost %ld blocks\n", n_points,
                lost_by_libcrypto);
}
