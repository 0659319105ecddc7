/* SPDX-License-Identifier: ISC */
/* tagentctl status: version, what protects the keys, and what of the agent still runs. */
#include <stdio.h>

#include "lib/text.h"
#include "tools/ctl.h"

/* What a protection level means, in words that promise nothing that is not so. */
static const char *const levels[] = {
        [TA_SECRET_UNLOCKED] = "keys are in ordinary memory, which may reach swap: "
                               "raise the limit on locked memory (ulimit -l)",
        [TA_SECRET_LOCKED] = "keys are in locked memory, out of swap and core files; root can read them",
        [TA_SECRET_ARENA] = "keys are in memory that nobody else can read; "
                            "root can attach a debugger to a keeper",
        [TA_SECRET_HIDDEN] = "no writable byte of a keeper can be read from outside, also not by root, "
                             "and no debugger can attach",
};

static int print_status(const Ctl *ctl, const TaInfo *info) {
        ta_cleanup(ta_freep) char *version = ta_display(info->version, 64);

        if (ctl->json) {
                printf("{");
                ctl_json_string("socket", ta_str(ctl->socket));
                printf(", ");
                ctl_json_string("version", info->version);
                printf(", \"level\": %u, \"locked\": %s, \"identities\": %u, \"keepers\": %u, "
                       "\"launcher\": %s}\n",
                       info->level, info->locked ? "true" : "false", info->n_identities,
                       info->n_seal_keys, info->launcher ? "true" : "false");
                return ctl_flush();
        }
        printf("agent       tagent %s at %s\n", version ? version : "", ctl->socket);
        if (info->n_seal_keys > 0) {
                printf("protection  level %u: %s\n", info->level,
                       info->level < TA_N_ELEMENTS(levels) ? levels[info->level] : "not known here");
                printf("keepers     %u\n", info->n_seal_keys);
        } else {
                printf("keepers     none: they have ended, and no key is held; "
                       "new ones are started, at the latest within a minute\n");
        }
        if (!info->launcher)
                printf("launcher    has ended: nothing can be confirmed, and keepers that end are not "
                       "replaced; restart the agent\n");
        if (info->locked)
                printf("identities  not told while the agent is locked (tadd -X unlocks it)\n");
        else
                printf("identities  %u\n", info->n_identities);
        return ctl_flush();
}

int ctl_status(Ctl *ctl) {
        TaInfo info;
        int err = ta_client_info(ctl->client, &info);

        if (err == TA_E_REFUSED) {
                ta_complain("the agent at %s is not tagent, or this connection comes from another host",
                            ctl->socket);
                return 1;
        }
        if (err) {
                ta_complain("%s: %s", ctl->socket, ta_strerror(err));
                return 1;
        }
        return print_status(ctl, &info);
}
