/* SPDX-License-Identifier: ISC */
/* The lines that a shell evaluates. Values are quoted so that no path can run a command. */
#ifndef TA_AGENT_SHELL_H
#define TA_AGENT_SHELL_H

#include <sys/types.h>

#include "lib/base.h"

typedef enum Shell { SHELL_SH, SHELL_CSH, SHELL_FISH } Shell;

/* By the end of $SHELL: csh, fish, or sh. */
Shell shell_guess(void);
/* "SSH_AUTH_SOCK=...; export SSH_AUTH_SOCK;" and so on; `pid` 0: no SSH_AGENT_PID line;
 * `shown_pid` is that of the echo line. -errno if standard output does not take it. */
ta_must_check int shell_print_agent(Shell shell, const char *path, pid_t pid, pid_t shown_pid);
ta_must_check int shell_print_killed(Shell shell, pid_t pid);

#endif
