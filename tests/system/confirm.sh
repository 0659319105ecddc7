#!/bin/sh
# SPDX-License-Identifier: ISC
# A key that asks before each use, end to end: ssh-add -c, a dialog, a signature or none; and what
# the log says to whoever looks for the reason. (Every temper of an askpass program is in
# tests/agent/test-prompter.c.)
# shellcheck disable=SC2317 # functions are called by name
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen
under_test "$TAGENT" "$TADD"

mkdir "$T/priv"
ssh-keygen -q -t ed25519 -N '' -C 'me@here' -f "$T/priv/k"
mv "$T/priv/k.pub" "$T/k.pub"
ssh-keygen -q -t ed25519 -N '' -C plain -f "$T/priv/plain"
mv "$T/priv/plain.pub" "$T/plain.pub"
echo data >"$T/data"
sign() { # KEY
        ssh-keygen -q -Y sign -n test -f "$T/$1.pub" <"$T/data"
}

# The dialog: says what it was asked, waits for $T/answer, and ends with what stands in it.
cat >"$T/askpass" <<'END'
#!/bin/sh
printf '%s\n' "$1" >>"$T/asked"
echo "$SSH_ASKPASS_PROMPT" >>"$T/hint"
echo $$ >"$T/dialog"
while [ ! -s "$T/answer" ]; do sleep 0.02; done
read -r status <"$T/answer"
rm "$T/answer"
exit "$status"
END
chmod 700 "$T/askpass"
SSH_ASKPASS=$T/askpass
SSH_ASKPASS_REQUIRE=force
export SSH_ASKPASS SSH_ASKPASS_REQUIRE
: >"$T/asked"
ok "an agent starts" start_agent

for adder in "$TADD" ssh-add; do
        name=${adder##*/}
        ok "$name: a key to be confirmed" "$adder" -q -c "$T/priv/k"
        echo 0 >"$T/answer"
        ok "$name: yes, and it signs" sign k
        echo 1 >"$T/answer"
        run sign k
        isnt "$name: no, and it does not" "$rc" 0
        like "$name: the client hears of a refusal" "$err" 'agent refused operation'
done
is "each use was asked for" "$(grep -c '^Allow use of key me@here?$' "$T/asked")" 4
is "with the fingerprint" "$(grep -c "^Key fingerprint $(ssh-keygen -lf "$T/k.pub" | cut -d' ' -f2)\.$" "$T/asked")" 4
is "as a question for yes or no" "$(sort -u "$T/hint")" confirm
like "the log says why" "$(cat "$T/agent.log")" 'sign refused: not confirmed'

# Others go on while the dialog stands.
ok "another key" ssh-add -q "$T/priv/plain"
rm -f "$T/dialog"
spawn ssh-keygen -q -Y sign -n test -f "$T/k.pub" "$T/data" 2>/dev/null
asker=$pid
ok "a dialog" wait_for test -s "$T/dialog"
ok "others sign meanwhile" sign plain
ok "and list" ssh-add -l
ok "the asker waits" alive "$asker"

# The client goes, the dialog goes.
dialog=$(cat "$T/dialog")
kill "$asker"
ok "the client leaves, the dialog is taken back" wait_for gone "$dialog"
echo 0 >"$T/answer"
ok "and the next question is asked" sign k

# The agent goes, the dialog goes.
rm -f "$T/dialog"
spawn ssh-keygen -q -Y sign -n test -f "$T/k.pub" "$T/data" 2>/dev/null
asker=$pid
ok "a dialog again" wait_for test -s "$T/dialog"
dialog=$(cat "$T/dialog")
kill -s KILL "$agent_pid"
ok "the agent is killed, the dialog goes" wait_for gone "$dialog"
ok "the client hears of it" wait_for gone "$asker"

# Nobody to ask: refused at once, and the log names the variable that is missing.
wait "$agent_pid" 2>/dev/null
rm -f "$SSH_AUTH_SOCK"
unset SSH_ASKPASS_REQUIRE
ok "an agent without a display" start_agent
ok "a key to be confirmed there" "$TADD" -q -c "$T/priv/k"
ok "is never used" not sign k
like "F37 the log says why" "$(cat "$T/agent.log")" 'cannot ask for confirmation: no DISPLAY'
end "$agent_pid"

SSH_ASKPASS=$T/missing
SSH_ASKPASS_REQUIRE=force
export SSH_ASKPASS_REQUIRE
ok "an agent whose askpass is missing" start_agent
ok "a key to be confirmed by it" "$TADD" -q -c "$T/priv/k"
ok "is not used either" not sign k
like "F36 the log says why" "$(cat "$T/agent.log")" 'askpass program could not be started'
done_testing
