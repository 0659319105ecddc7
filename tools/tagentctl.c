/* SPDX-License-Identifier: ISC */
/*
 * tagentctl: what there is to know of a running agent beyond the agent protocol, and what to do about
 * it. One verb, one row of the table, one file.
 */
#include <stdio.h>

#include "lib/text.h"
#include "tools/ctl.h"

enum { OPTION_JSON = 256 };

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

typedef struct Verb {
        const char *name;
        int (*run)(Ctl *ctl);
        int max_operands;
        bool without_agent;
        bool json;
} Verb;

static const Verb verbs[] = {
        {"status", ctl_status, .json = true},
};

int ctl_flush(void) {
        if (fflush(stdout) == 0 && !ferror(stdout))
                return 0;
        ta_complain("standard output: cannot write");
        return 1;
}

void ctl_json_string(const char *name, TaBytes bytes) {
        size_t cap = 6 * bytes.len + 3;
        ta_cleanup(ta_freep) char *text = malloc(cap);
        TaWriter w = ta_writer((uint8_t *)text, text ? cap : 0);

        ta_json_write_string(&w, bytes);
        printf("\"%s\": %.*s", name, (int)ta_written(&w).len, text ? text : "");
}

static const Verb *find_verb(const char *name) {
        for (size_t i = 0; i < TA_N_ELEMENTS(verbs); i++)
                if (strcmp(name, verbs[i].name) == 0)
                        return &verbs[i];
        return NULL;
}

/* "status, keys, ...", for who did not say what to do. */
static int say_which(const TaArgs *args, const char *unknown) {
        char names[512];
        size_t len = 0;

        for (size_t i = 0; i < TA_N_ELEMENTS(verbs); i++)
                len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? ", " : "",
                                        verbs[i].name);
        if (unknown)
                ta_complain("%s is nothing to do; say one of: %s", unknown, names);
        else
                ta_complain("say what to do: %s", names);
        ta_args_usage(args, true);
        return 1;
}

/* Whether options and operands are such as the verb takes. */
static bool fits(const Verb *verb, const Ctl *ctl) {
        if (ctl->n_operands > verb->max_operands) {
                ta_complain("%s: unexpected argument %s", verb->name, ctl->operands[verb->max_operands]);
                return false;
        }
        if (ctl->json && !verb->json) {
                ta_complain("%s: has no JSON to print", verb->name);
                return false;
        }
        return true;
}

static int run(const Verb *verb, Ctl *ctl) {
        int err, result;

        if (verb->without_agent)
                return verb->run(ctl);
        err = ta_client_connect(NULL, &ctl->client);
        if (err) {
                ta_complain(err == TA_E_NO_AGENT ? "SSH_AUTH_SOCK names no agent; start one, or find the "
                                                   "running one: eval $(tagent)"
                                                 : "%s: %s",
                            ctl->socket, ta_strerror(err));
                return CTL_EXIT_NO_AGENT;
        }
        result = verb->run(ctl);
        ta_client_free(ctl->client);
        return result;
}

int main(int argc, char **argv) {
        Ctl ctl = {.socket = getenv("SSH_AUTH_SOCK")};
        const Verb *verb;
        TaArgs args;
        int letter, result;

        ta_start();
        ta_args_init(&args, &command, argc, argv);
        while ((letter = ta_args_next(&args)) != 0)
                ctl.json |= letter == OPTION_JSON;
        if (args.n_operands == 0)
                return say_which(&args, NULL);
        verb = find_verb(args.operands[0]);
        if (!verb)
                return say_which(&args, args.operands[0]);
        ctl.operands = args.operands + 1;
        ctl.n_operands = args.n_operands - 1;
        if (fits(verb, &ctl)) {
                result = run(verb, &ctl);
        } else {
                ta_args_usage(&args, true);
                result = 1;
        }
        free(args.operands);
        return result;
}
