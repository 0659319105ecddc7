/* SPDX-License-Identifier: ISC */
/* Words for the codes of error.h. Knows nothing of what was being done. */
#include "lib/error.h"

#include <stddef.h>
#include <string.h>

#include "lib/base.h"

static const struct {
        const char *name;
        const char *words;
} errors[] = {
#define TA_ERROR_ROW(name, words) {#name, words},
        TA_ERRORS(TA_ERROR_ROW)
#undef TA_ERROR_ROW
};

_Static_assert(TA_N_ELEMENTS(errors) == TA_E_END - TA_E_BASE - 1, "one row for each code");

const char *ta_strerror(int err) {
        if (err == 0)
                return "success";
        if (err > TA_E_BASE && err < TA_E_END)
                return errors[err - TA_E_BASE - 1].words;
        if (err < 0 && err > TA_E_BASE)
                return strerror(-err);
        return "unknown error";
}

const char *ta_errname(int err) {
        const char *name;

        if (err == 0)
                return "OK";
        if (err > TA_E_BASE && err < TA_E_END)
                return errors[err - TA_E_BASE - 1].name;
        name = err < 0 && err > TA_E_BASE ? strerrorname_np(-err) : NULL;
        return name ? name : "UNKNOWN";
}
