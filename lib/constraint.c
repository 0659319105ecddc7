/* SPDX-License-Identifier: ISC */
/*
 * Constraints decide what a key may be used for, so a constraint that is not understood is never
 * skipped: the whole request is refused, and with it the key (RFC 9987 section 5.2.7).
 */
#include "lib/constraint.h"

#include "lib/proto.h"

static bool read_lifetime(TaReader *r, TaConstraints *c) {
        uint32_t seconds = ta_read_u32(r);

        /* 0 would be a key that is gone before it can be used, and 2^32-1 is somebody's -1. */
        if (r->err || c->has_lifetime || seconds == 0 || seconds == UINT32_MAX)
                return false;
        c->has_lifetime = true;
        c->lifetime = seconds;
        return true;
}

static bool read_confirm(TaReader *r ta_unused, TaConstraints *c) {
        if (c->confirm)
                return false;
        c->confirm = true;
        return true;
}

/* By number; a hole is a constraint that cannot be enforced. SSH_AGENT_CONSTRAIN_EXTENSION has no
 * row: none of the extensions is enforced in this version. */
static bool (*const kinds[])(TaReader *, TaConstraints *) = {
        [SSH_AGENT_CONSTRAIN_LIFETIME] = read_lifetime,
        [SSH_AGENT_CONSTRAIN_CONFIRM] = read_confirm,
};

int ta_constraints_read(TaReader *r, TaConstraints *ret) {
        TaConstraints c = {0};

        while (!r->err && r->len > 0) {
                uint8_t kind = ta_read_u8(r);

                if (kind >= TA_N_ELEMENTS(kinds) || !kinds[kind] || !kinds[kind](r, &c)) {
                        ta_read_fail(r, TA_E_CONSTRAINT);
                        return TA_E_CONSTRAINT;
                }
        }
        if (r->err)
                return r->err; /* it had failed before the constraints began */
        *ret = c;
        return 0;
}

void ta_constraints_write(TaWriter *w, const TaConstraints *c) {
        if (c->has_lifetime) {
                ta_write_u8(w, SSH_AGENT_CONSTRAIN_LIFETIME);
                ta_write_u32(w, c->lifetime);
        }
        if (c->confirm)
                ta_write_u8(w, SSH_AGENT_CONSTRAIN_CONFIRM);
}
