/* SPDX-License-Identifier: ISC */
#include "lib/base.h"

#include <errno.h>
#include <unistd.h>

void ta_closep(int *fd) {
        int saved = errno;

        if (*fd >= 0)
                (void)close(*fd);
        *fd = -1;
        errno = saved;
}
