/* SPDX-License-Identifier: ISC */
/* Every situation there is, and its verdict. */
#include <glib.h>

#include "agent/policy.h"

#define REFUSE VERDICT_REFUSE
#define ALLOW  VERDICT_ALLOW
#define ASK    VERDICT_ASK

static void test_table(void) {
        static const struct {
                bool confirm, forwarded, sha1;
                VerdictKind unasked, yes, no;
        } rows[] = {
                /* confirm, forwarded, SHA-1:      not asked, yes, no */
                {false, false, false, ALLOW, ALLOW, REFUSE},
                {false, false, true, ALLOW, ALLOW, REFUSE},
                {false, true, false, ALLOW, ALLOW, REFUSE},
                {false, true, true, REFUSE, REFUSE, REFUSE},
                {true, false, false, ASK, ALLOW, REFUSE},
                {true, false, true, ASK, ALLOW, REFUSE},
                {true, true, false, ASK, ALLOW, REFUSE},
                {true, true, true, REFUSE, REFUSE, REFUSE}, /* nobody is asked in vain */
        };

        g_assert_cmpuint(G_N_ELEMENTS(rows), ==, 2 * 2 * 2);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                const VerdictKind expected[] = {
                        [ANSWER_NONE] = rows[i].unasked,
                        [ANSWER_YES] = rows[i].yes,
                        [ANSWER_NO] = rows[i].no,
                };
                TaConstraints constraints = {.confirm = rows[i].confirm};

                for (Answer answer = ANSWER_NONE; answer <= ANSWER_NO; answer++) {
                        Verdict verdict = policy_judge(&(Situation){
                                .constraints = &constraints,
                                .forwarded = rows[i].forwarded,
                                .sha1 = rows[i].sha1,
                                .answer = answer,
                        });

                        g_assert_cmpint(verdict.kind, ==, expected[answer]);
                        /* a refusal says why, and nothing else does */
                        g_assert_cmpint(verdict.why != NULL, ==, verdict.kind == VERDICT_REFUSE);
                }
        }
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/policy/table", test_table);
        return g_test_run();
}
