/* SPDX-License-Identifier: ISC */
#include "agent/policy.h"

Verdict policy_judge(const Situation *s) {
        if (s->forwarded && s->sha1)
                return (Verdict){VERDICT_REFUSE, "SHA-1 signatures are not made over a forwarded connection"};
        if (s->answer == ANSWER_NO)
                return (Verdict){VERDICT_REFUSE, "not confirmed"};
        if (s->constraints->confirm && s->answer != ANSWER_YES)
                return (Verdict){VERDICT_ASK, NULL};
        return (Verdict){VERDICT_ALLOW, NULL};
}
