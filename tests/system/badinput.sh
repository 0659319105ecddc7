#!/bin/sh
# SPDX-License-Identifier: ISC
# What no honest client sends: the cases are in tests/support/raw.py, named after the rows of the
# fault table. Afterwards the same agent must still serve an honest client and end when told to.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-keygen
[ -x /usr/bin/python3 ] || skip_all "python3 is not installed"
under_test "$TAGENT"

mkdir "$T/k"
ssh-keygen -q -t ed25519 -N '' -C c -f "$T/k/ed25519"
ssh-keygen -q -t ed25519 -N '' -C c -f "$T/k/other"
ssh-keygen -q -t ecdsa -N '' -C c -f "$T/k/ecdsa"
ssh-keygen -q -t rsa -b 2048 -N '' -C c -f "$T/k/rsa"
ssh-keygen -q -s "$T/k/ed25519" -I id -n n "$T/k/other"

start_agent || { fail "an agent starts"; done_testing; }
words=
case ${TAGENT##*/} in ssh-agent) words=stock ;; esac
# Memory is not measured where valgrind or a sanitizer has its own ideas of it.
if [ -n "${TA_WRAP-}" ] || grep -q 'define TA_SANITIZED' "$TA_BUILDDIR/config.h" 2>/dev/null; then
        words="$words instrumented"
fi
# The agent and whatever processes it keeps its keys in.
pids=$agent_pid
for child in $(family_of "$agent_pid"); do
        pids=$pids,$child
done
# Its lines are TAP already; only the plan is this script's.
# shellcheck disable=SC2086 # none or some words
timeout 100 /usr/bin/python3 "$TA_SRCDIR/tests/support/raw.py" "$SSH_AUTH_SOCK" "$pids" "$T/k" \
        $words >"$T/raw.out" 2>"$T/raw.err"
raw=$?
grep -v '^1\.\.' "$T/raw.out"
tap_n=$(grep -Ec '^(not )?ok ' "$T/raw.out")
if grep -q '^not ok ' "$T/raw.out"; then tap_failed=1; fi
like "every row was tried" "$(cat "$T/raw.out" "$T/raw.err")" '^1\.\.[0-9]+$'
if [ "$tap_failed" = 0 ]; then is "and none failed" "$raw" 0; fi
ok "the agent still runs" alive "$agent_pid"
kill "$agent_pid"
ok "and ends when told to" wait_for gone "$agent_pid"
ok "without leaving its socket" not test -e "$SSH_AUTH_SOCK"
done_testing
