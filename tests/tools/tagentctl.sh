#!/bin/sh
# SPDX-License-Identifier: ISC
# tagentctl status, what it says to another agent or to none, and tagent --require-level.
# shellcheck disable=SC2317 # functions that ok calls
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-agent ssh-keygen python3
ctl=$TA_BUILDDIR/tagentctl
under_test "$TAGENT" "$TADD" "$ctl"
without=$TA_BUILDDIR/tests/support/without

ssh-keygen -q -t ed25519 -N '' -C c -f "$T/k"
field() { # NAME: of what --json printed
        printf '%s' "$out" | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

# --- status ------------------------------------------------------------------------------------

run "$ctl" status
is "no agent: status" "$rc" 2
like "no agent: what to do" "$err" 'eval \$\(tagent\)'
run "$ctl"
is "no verb: status" "$rc" 1
like "no verb: says which there are" "$err" 'status'
run "$ctl" dance
is "an unknown verb: status" "$rc" 1

ok "an agent" start_agent
ok "a key, sealed" "$TADD" -q "$T/k"
run "$ctl" status
is "status: status" "$rc" 0
like "status: socket" "$out" "^agent +tagent [0-9.]+ at $SSH_AUTH_SOCK\$"
like "status: protection" "$out" '^protection +level [0-3]: .'
like "status: identities" "$out" '^identities +1$'
like "status: keepers" "$out" '^keepers +[1-4]$'
unlike "status: nothing of a launcher that runs" "$out" 'launcher'
run "$ctl" status --json
is "--json: status" "$rc" 0
level=$(field level)
like "--json: level" "$level" '^[0-3]$'
is "--json: identities" "$(field identities)" 1
is "--json: locked" "$(field locked)" False
is "--json: launcher" "$(field launcher)" True
is "--json: socket" "$(field socket)" "$SSH_AUTH_SOCK"
if hidden_memory; then is "where memory can be hidden it is" "$level" 3; fi
run sh -c '"$1" status >/dev/full' sh "$ctl"
isnt "a full standard output is an error" "$rc" 0

askpass_says lock
ok "lock" "$TADD" -x
run "$ctl" status --json
is "locked: said" "$(field locked)" True
is "locked: identities are not told" "$(field identities)" 0
run "$ctl" status
like "locked: in words" "$out" 'locked'
ok "unlock" "$TADD" -X
end "$agent_pid"

SSH_AUTH_SOCK=$T/stock
spawn ssh-agent -D -a "$SSH_AUTH_SOCK" >/dev/null 2>&1
stock=$pid
ok "an ssh-agent" wait_for agent_answers
run "$ctl" status
is "another agent: status" "$rc" 1
like "another agent: says so" "$err" 'is not tagent'
ok "tadd gives it keys as the protocol has it" "$TADD" -q "$T/k"
like "which it has" "$(ssh-add -l)" 'ED25519'
end "$stock"

# --- --require-level ---------------------------------------------------------------------------

for bad in 4 -1 x 33 ''; do
        run "$TAGENT" --require-level "$bad" -D -a "$T/r.sock"
        is "--require-level '$bad': status" "$rc" 1
done
SSH_AUTH_SOCK=$T/r.sock
spawn "$TAGENT" --require-level "$level" -D -a "$SSH_AUTH_SOCK" >"$T/r.log" 2>&1
ok "the level that there is can be asked for" wait_for agent_answers
end "$pid"
if hidden_memory; then
        run timeout 20 "$without" memfd_secret "$TAGENT" --require-level 3 -D -a "$T/r.sock"
        is "more than there is: does not start" "$rc" 1
        like "and says what there is" "$err" 'level 1, and --require-level asks for 3'
        ok "and leaves no socket" not test -e "$T/r.sock"
else
        skip "more than there is" "no memory can be hidden here"
fi
done_testing
