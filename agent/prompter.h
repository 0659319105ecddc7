/* SPDX-License-Identifier: ISC */
/*
 * Asks the person, through SSH_ASKPASS started by the launcher. One question is shown at a time,
 * the others wait in line; nobody else waits.
 */
#ifndef TA_AGENT_PROMPTER_H
#define TA_AGENT_PROMPTER_H

#include "agent/agent.h"
#include "agent/policy.h"

typedef struct Question Question;

ta_must_check int prompter_new(Loop *loop, int launcher, Prompter **ret);
void prompter_free(Prompter *prompter);

/* Shows `text` sooner or later and calls `answered` once. NULL if it cannot be asked: no way to
 * ask, too many questions, or no memory. */
Question *prompter_ask(Prompter *prompter, const char *text, void (*answered)(void *, Answer),
                       void *data);
/* Whether the launcher, which asks for us, still runs. */
bool prompter_can_ask(const Prompter *prompter);
/* Takes the question back; `answered` will not be called. */
void prompter_cancel(Question *question);

#endif
