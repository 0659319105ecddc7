/* SPDX-License-Identifier: ISC */
/*
 * tagentctl: what there is to know of a running agent beyond the agent protocol. One verb, one row of
 * the table at the bottom.
 */
#include <stdio.h>

#include "lib/cli.h"
#include "lib/client.h"
#include "lib/text.h"

enum { OPTION_JSON = 256 };
enum { EXIT_NO_AGENT = 2 };

static const TaOption options[] = {
        {OPTION_JSON, "json", NULL, "print JSON"},
        {0},
};

static const TaCommand command = {
        .name = "tagentctl",
        .purpose = "Tells what a running tagent does and what protects its keys.",
        .synopsis = (const char *const[]){"status [--json]", NULL},
        .options = options,
        .notes = "The agent is the one that SSH_AUTH_SOCK names.",
};

typedef struct Ctl {
        TaClient *client;
        const char *socket;
        bool json;
} Ctl;

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

static int flush(void) {
        if (fflush(stdout) == 0 && !ferror(stdout))
                return 0;
        ta_complain("standard output: cannot write");
        return 1;
}

static void print_json_string(const char *name, TaBytes bytes) {
        size_t cap = 6 * bytes.len + 3;
        ta_cleanup(ta_freep) char *text = malloc(cap);
        TaWriter w = ta_writer((uint8_t *)text, text ? cap : 0);

        ta_json_write_string(&w, bytes);
        printf("\"%s\": %.*s", name, (int)ta_written(&w).len, text ? text : "");
}

static int print_status(const Ctl *ctl, const TaInfo *info) {
        ta_cleanup(ta_freep) char *version = ta_display(info->version, 64);

        if (ctl->json) {
                printf("{");
                print_json_string("socket", ta_str(ctl->socket));
                printf(", ");
                print_json_string("version", info->version);
                printf(", \"level\": %u, \"locked\": %s, \"identities\": %u, \"keepers\": %u, "
                       "\"launcher\": %s}\n",
                       info->level, info->locked ? "true" : "false", info->n_identities,
                       info->n_seal_keys, info->launcher ? "true" : "false");
                return flush();
        }
        printf("agent       tagent %s at %s\n", version ? version : "", ctl->socket);
        if (info->n_seal_keys > 0) {
                printf("protection  level %u: %s\n", info->level,
                       info->level < TA_N_ELEMENTS(levels) ? levels[info->level] : "not known here");
                printf("keepers     %u\n", info->n_seal_keys);
        } else {
                printf("keepers     none: they have ended, and no key is held; "
                       "if this does not change soon, restart the agent\n");
        }
        if (!info->launcher)
                printf("launcher    has ended: nothing can be confirmed, and keepers that end are not "
                       "replaced; restart the agent\n");
        if (info->locked)
                printf("identities  not told while the agent is locked (tadd -X unlocks it)\n");
        else
                printf("identities  %u\n", info->n_identities);
        return flush();
}

static int status(Ctl *ctl) {
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

static const struct {
        const char *name;
        int (*run)(Ctl *ctl);
} verbs[] = {
        {"status", status},
};

int main(int argc, char **argv) {
        Ctl ctl = {.socket = getenv("SSH_AUTH_SOCK")};
        int (*run)(Ctl *) = NULL;
        TaArgs args;
        int letter, err, result;

        ta_start();
        ta_args_init(&args, &command, argc, argv);
        while ((letter = ta_args_next(&args)) != 0)
                ctl.json |= letter == OPTION_JSON;
        for (size_t i = 0; i < TA_N_ELEMENTS(verbs) && args.n_operands == 1; i++)
                if (strcmp(args.operands[0], verbs[i].name) == 0)
                        run = verbs[i].run;
        free(args.operands);
        if (!run) {
                ta_complain("say what to do: status");
                ta_args_usage(&args, true);
                return 1;
        }
        err = ta_client_connect(NULL, &ctl.client);
        if (err) {
                ta_complain(err == TA_E_NO_AGENT ? "SSH_AUTH_SOCK names no agent; start one, or find the "
                                                   "running one: eval $(tagent)"
                                                 : "%s: %s",
                            ctl.socket, ta_strerror(err));
                return EXIT_NO_AGENT;
        }
        result = run(&ctl);
        ta_client_free(ctl.client);
        return result;
}
