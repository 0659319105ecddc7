/* SPDX-License-Identifier: ISC */
/* What an identity is added with (RFC 9987 section 5.2.7): parse, write. */
#ifndef TA_LIB_CONSTRAINT_H
#define TA_LIB_CONSTRAINT_H

#include "lib/wire.h"

typedef struct TaConstraints {
        bool has_lifetime;
        uint32_t lifetime; /* seconds, 1 to 2^32-2 */
        bool confirm;
} TaConstraints;

/* Reads to the reader's end. Unknown, repeated, truncated, a lifetime of 0 or 2^32-1, or a
 * constraint that this version cannot enforce: TA_E_CONSTRAINT, and the key must not be added. */
ta_must_check int ta_constraints_read(TaReader *r, TaConstraints *ret);
void ta_constraints_write(TaWriter *w, const TaConstraints *constraints);

#endif
