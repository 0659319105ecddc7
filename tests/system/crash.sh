#!/bin/sh
# SPDX-License-Identifier: ISC
# F45, F46, F48: the front, a keeper, the launcher are killed. What is lost is lost for everybody
# to see; nothing hangs, nothing is left running, and the log says it once.
# shellcheck disable=SC2317,SC2119 # functions are called by name, or without arguments
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen
under_test "$TAGENT"

mkdir "$T/priv"
ssh-keygen -q -t ed25519 -N '' -C c -f "$T/priv/k"
mv "$T/priv/k.pub" "$T/k.pub"
echo data >"$T/data"
signs() {
        ssh-keygen -q -Y sign -n test -f "$T/k.pub" <"$T/data"
}
listed() { # STATUS
        run ssh-add -l
        [ "$rc" = "$1" ]
}
parts() { # the processes of the agent: launcher, warden, then keepers
        family=$(family_of "$agent_pid")
        launcher=$(printf '%s\n' "$family" | head -n 1)
        warden=$(cut -d' ' -f1 "/proc/$launcher/task/$launcher/children")
        keeper=$(printf '%s\n' "$family" | tail -n 1)
}

# --- a keeper ----------------------------------------------------------------------------------

SSH_ASKPASS=$(command -v true)
SSH_ASKPASS_REQUIRE=force
export SSH_ASKPASS SSH_ASKPASS_REQUIRE
ok "an agent" start_agent
ok "a key" ssh-add -q "$T/priv/k"
parts
isnt "launcher and keeper are two" "$launcher" "$keeper"
kill -s KILL "$keeper"
ok "F46 a keeper is killed: the list is empty" wait_for listed 1
ok "F46 and nothing signs" not signs
ok "F46 the agent is the same" alive "$agent_pid"
ok "F46 keys are taken again" ssh-add -q "$T/priv/k"
ok "F46 and sign" signs
is "F46 the log says it, once" "$(grep -c 'a keeper has ended; all keys are gone' "$T/agent.log")" 1
parts
is "F46 no keeper is left over" "$(printf '%s\n' "$family" | sort -u | wc -l)" \
        "$(printf '%s\n' "$launcher" "$warden" "$(cat "/proc/$warden/task/$warden/children")" | wc -w)"

# --- the launcher ------------------------------------------------------------------------------

kill -s KILL "$launcher"
ok "F48 the launcher is killed" wait_for gone "$launcher"
run "$TA_BUILDDIR/tagentctl" status
like "F48 the status says so" "$out" '^launcher +has ended'
run "$TA_BUILDDIR/tagentctl" status --json
like "F48 also to programs" "$out" '"launcher": false'
ok "F48 signing goes on" signs
ok "F48 keys come and go" ssh-add -q -D
ok "F48 and come again" ssh-add -q -c "$T/priv/k"
ok "F48 nothing is confirmed" not signs
ok "F48 nor the next time" not signs
is "F48 each refusal has its reason" \
        "$(grep -c 'cannot ask for confirmation: the launcher has ended' "$T/agent.log")" 2
is "F48 the log says it, once" "$(grep -c 'the launcher has ended; nothing' "$T/agent.log")" 1

# --- the launcher, and then a keeper -----------------------------------------------------------

kill -s KILL "$keeper"
ok "F48 a keeper ends too: the list is empty" wait_for listed 1
run "$TA_BUILDDIR/tagentctl" status
like "F48 the status says that nothing holds keys" "$out" '^keepers +none'
ok "F48 no key is taken" not ssh-add -q "$T/priv/k"
like "F48 and the reason is said" "$(cat "$T/agent.log")" 'add failed: the processes that hold the keys'

# --- the front ---------------------------------------------------------------------------------

# shellcheck disable=SC2086 # a list of ids
record $family
kill -s KILL "$agent_pid"
ok "F45 the front is killed" wait_for gone "$agent_pid"
# shellcheck disable=SC2086
ok "F45 the keepers end by themselves" wait_for all_gone $family
ok "F45 nobody answers" listed 2
ok "F45 its socket is left" test -S "$SSH_AUTH_SOCK"
ok "F45 a new agent takes the path over" start_agent
ok "F45 and answers" wait_for listed 1
parts
kill -s KILL "$agent_pid"
# shellcheck disable=SC2086
ok "F45 with a launcher: it ends too" wait_for all_gone $family
done_testing
