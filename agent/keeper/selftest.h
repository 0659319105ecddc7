/* SPDX-License-Identifier: ISC */
/* Each algorithm once before it is trusted, which is also what makes the libraries ready. */
#ifndef TA_KEEPER_SELFTEST_H
#define TA_KEEPER_SELFTEST_H

#include "lib/base.h"

/* Known keys sign and verify; what is known to be their signature comes out, where it is always the
 * same. 0, or TA_E_CRYPTO: the libraries do not compute what they should. */
ta_must_check int selftest(void);

#endif
