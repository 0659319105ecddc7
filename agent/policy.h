/* SPDX-License-Identifier: ISC */
/* The judgement on a use of a key. Pure: no clock, no socket, no prompt; all it knows is given. */
#ifndef TA_AGENT_POLICY_H
#define TA_AGENT_POLICY_H

#include "lib/constraint.h"

typedef enum Answer { ANSWER_NONE, ANSWER_YES, ANSWER_NO } Answer;

typedef enum VerdictKind { VERDICT_REFUSE, VERDICT_ALLOW, VERDICT_ASK } VerdictKind;

typedef struct Verdict {
        VerdictKind kind;
        const char *why; /* of a refusal; static */
} Verdict;

typedef struct Situation {
        const TaConstraints *constraints;
        bool forwarded; /* the connection comes from another host, or may do */
        bool sha1;      /* an RSA signature with SHA-1 is asked for */
        Answer answer;  /* what the person said, if there was a question */
} Situation;

Verdict policy_judge(const Situation *situation);

#endif
