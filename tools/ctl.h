/* SPDX-License-Identifier: ISC */
/*
 * tagentctl, which is one program with verbs: each verb has a file ctl-VERB.c, its function here, and
 * its row in tagentctl.c.
 */
#ifndef TA_TOOLS_CTL_H
#define TA_TOOLS_CTL_H

#include "lib/cli.h"
#include "lib/client.h"

enum { CTL_EXIT_NO_AGENT = 2 };

typedef struct Ctl {
        TaClient *client; /* NULL for a verb that needs no agent */
        const char *socket;
        bool json;
        char **operands; /* behind the verb */
        int n_operands;
} Ctl;

/* Each returns the exit status. */
int ctl_status(Ctl *ctl);

/* What is on its way to standard output: 0, or 1 and a complaint. */
int ctl_flush(void);
/* `"name": "bytes"`, escaped. */
void ctl_json_string(const char *name, TaBytes bytes);

#endif
