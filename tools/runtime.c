/* SPDX-License-Identifier: ISC */
#include "tools/runtime.h"

#include <sodium.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "lib/allsecret.h"
#include "lib/cli.h"

static struct {
        int argc;
        char **argv;
        int (*run)(int argc, char **argv);
} tool;

static int begin(void *data ta_unused) {
        ta_allsecret_leave_nothing();
        /* Lines are read from it where there is no terminal, and a passphrase may be the next. */
        (void)setvbuf(stdin, NULL, _IONBF, 0);
        return tool.run(tool.argc, tool.argv);
}

void runtime_start(int argc, char **argv, int (*run)(int argc, char **argv)) {
        (void)prctl(PR_SET_DUMPABLE, 0);
        ta_start();
        tool.argc = argc;
        tool.argv = argv;
        tool.run = run;
        ta_allsecret_run(begin, NULL);
}

void runtime_hide(void) {
        static bool hidden;

        if (hidden)
                return;
        hidden = true;
        if (sodium_init() < 0)
                return; /* and there will be no key to hide either */
        (void)ta_allsecret_move();
}
