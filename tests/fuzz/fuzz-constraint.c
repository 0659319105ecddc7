/* SPDX-License-Identifier: ISC */
/* Constraints: what is taken says the same when it is written and read again. */
#include "lib/constraint.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        TaReader r = ta_reader((TaBytes){data, len});
        TaConstraints c, back;
        uint8_t buf[16];
        TaWriter w = ta_writer(buf, sizeof buf);

        if (ta_constraints_read(&r, &c))
                return 0;
        must(r.len == 0 && !(c.has_lifetime && (c.lifetime == 0 || c.lifetime == UINT32_MAX)));
        ta_constraints_write(&w, &c);
        must(!w.err && w.len == len);
        r = ta_reader(ta_written(&w));
        must(ta_constraints_read(&r, &back) == 0);
        must(back.has_lifetime == c.has_lifetime && back.lifetime == c.lifetime &&
             back.confirm == c.confirm);
        return 0;
}
