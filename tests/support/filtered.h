/* SPDX-License-Identifier: ISC */
/* One system call in a child behind a filter: did it live? */
#ifndef TA_TESTS_FILTERED_H
#define TA_TESTS_FILTERED_H

#include "lib/seccomp.h"

#define FILTERED_NUMBERS 601 /* tried from 0 */

/* Whether the call was let through (what it answered does not matter). `number` and `args` are the
 * kernel's; descriptors 3 to 8 lead to /dev/null. Fails the test if the child ended in another way. */
bool filtered_allows(const TaSyscall *list, size_t n, long number, const long args[static 3]);

/* Fails the test unless exactly the numbers of the list are let through. */
void filtered_is_list(const TaSyscall *list, size_t n);

#endif
