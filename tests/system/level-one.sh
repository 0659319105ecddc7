#!/bin/sh
# SPDX-License-Identifier: ISC
# F33: a system without memfd_secret(2). The level is told and can be insisted on, and what is said
# between agent and clients is the same: the conversations of the other tests, with such keepers.
# shellcheck disable=SC2317,SC2119 # functions are called by name, or without arguments
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen
under_test "$TAGENT"
hidden_memory || skip_all "no memory can be hidden here: all tests are at this level"
without=$TA_BUILDDIR/tests/support/without
ctl=$TA_BUILDDIR/tagentctl

printf '#!/bin/sh\nexec %s memfd_secret %s "$@"\n' "$without" "$TAGENT" >"$T/tagent"
printf '#!/bin/sh\nexec %s memfd_secret %s\n' "$without" "$TA_KEEPER" >"$T/keeper"
chmod 755 "$T/tagent" "$T/keeper"

TAGENT=$T/tagent
ok "F33 an agent" start_agent
like "F33 its level is told" "$("$ctl" status)" '^protection +level 1: keys are in locked memory'
end "$agent_pid"
ok "F33 level 1 can be asked for" start_agent --require-level 1
end "$agent_pid"
run "$TAGENT" --require-level 3 -D -a "$T/r.sock"
is "F33 level 3 is refused" "$rc" 1
like "F33 with the reason" "$err" 'level 1, and --require-level asks for 3'
ok "F33 and leaves no socket" not test -e "$T/r.sock"

# The front as it is, and keepers that were refused.
for test in dispatch session keepers; do
        run env TA_KEEPER="$T/keeper" "$TA_BUILDDIR/tests/agent/test-$test"
        is "F33 conversations at level 1: $test" "$rc" 0
        if [ "$rc" != 0 ]; then diag "$(printf '%s\n' "$out" "$err" | tail -n 5)"; fi
done
run sh "$TA_SRCDIR/tests/system/crash.sh"
is "F33 the whole agent at level 1" "$rc" 0
if [ "$rc" != 0 ]; then diag "$(printf '%s\n' "$out" | grep '^not ok')"; fi
done_testing
