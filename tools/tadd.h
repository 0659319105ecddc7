/* SPDX-License-Identifier: ISC */
/* What the parts of tadd share: the choices of the command line and the connection. */
#ifndef TA_TOOLS_TADD_H
#define TA_TOOLS_TADD_H

#include "lib/client.h"
#include "lib/fingerprint.h"

typedef struct Tadd {
        TaClient *client;
        TaHash hash;
        bool keys_only, certs_only; /* -k, -C */
        bool confirm;
        bool no_expiry; /* -N: certificates are kept beyond their end */
        bool quiet;
        bool json;
        uint32_t lifetime; /* 0: none */
} Tadd;

/* Each returns the exit status: 0 or 1. Files NULL-terminated not needed: `n` of them. */
int tadd_list(Tadd *t, bool whole_keys);
int tadd_add(Tadd *t, char *const *paths, size_t n);

#endif
