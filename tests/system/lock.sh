#!/bin/sh
# SPDX-License-Identifier: ISC
# Locking, with OpenSSH's ssh-add and with tadd: who locks may use the other to unlock. Row F21.
# shellcheck disable=SC2317 # functions are called by name
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen
under_test "$TAGENT" "$TADD"

# The public half lies apart: ssh-keygen must not find the private one beside it.
mkdir "$T/priv"
ssh-keygen -q -t ed25519 -N '' -C c -f "$T/priv/k"
mv "$T/priv/k.pub" "$T/k.pub"
ssh-keygen -q -t ed25519 -N '' -C other -f "$T/other"
echo data >"$T/data"
ok "an agent starts" start_agent
signs() {
        rm -f "$T/data.sig"
        ssh-keygen -q -Y sign -n test -f "$T/k.pub" "$T/data"
}
listed() { # STATUS
        run ssh-add -l
        [ "$rc" = "$1" ]
}

ok "a key" ssh-add -q "$T/priv/k"
ok "it signs" signs
for locker in "$TADD" ssh-add; do
        for unlocker in "$TADD" ssh-add; do
                name="${locker##*/} -x, ${unlocker##*/} -X"
                askpass_says "open sesame"
                run "$locker" -x
                is "$name: locked" "$rc $err" "0 Agent locked."
                ok "$name: nothing is listed" listed 1
                like "$name: as if there were nothing" "$out" 'no identities'
                ok "$name: nothing signs" not signs
                ok "$name: nothing is added" not ssh-add -q "$T/other"
                ok "$name: nothing is removed" not ssh-add -q -D
                run "$locker" -x
                is "$name: not twice" "$rc" 1
                askpass_says "wrong"
                run "$unlocker" -X
                is "$name: not with another passphrase" "$rc" 1
                askpass_says "open sesame"
                run "$unlocker" -X
                is "$name: unlocked" "$rc $err" "0 Agent unlocked."
                ok "$name: the key is there" listed 0
                ok "$name: and signs" signs
        done
done
run "$TADD" -X
is "unlocking what is not locked" "$rc" 1
askpass_says ""
run "$TADD" -x
is "an empty passphrase locks nothing" "$rc" 1
ok "the key is still there" listed 0

# A guesser waits; others do not. The order of events is what counts: the guesser's third refusal
# takes 0.3 s of the agent's time, and the listings come between question and answer.
askpass_says "open sesame"
"$TADD" -x 2>/dev/null
askpass_says "wrong"
"$TADD" -X 2>/dev/null
"$TADD" -X 2>/dev/null
cat >"$T/guess" <<END
#!/bin/sh
for _ in 1 2 3 4 5; do "$TADD" -X 2>/dev/null; done
echo done >"$T/guessed"
for _ in 1 2 3 4 5; do "$TADD" -X 2>/dev/null; done
echo done >"$T/guessed"
END
spawn sh "$T/guess"
for i in 1 2 3 4 5; do
        ok "a listing while somebody guesses, $i" listed 1
done
ok "the guesser still waits" not test -e "$T/guessed"
end "$pid"
askpass_says "open sesame"
ok "the right passphrase opens, after the guesses" "$TADD" -X
ok "and the key is there" listed 0

# Time runs while locked.
ok "a key for a second" ssh-add -q -t 1 "$T/other"
"$TADD" -x 2>/dev/null
keys() { [ "$(ssh-add -l | wc -l)" = "$1" ]; }
deadline=$(($(millis) + 1100))
# shellcheck disable=SC2317 # called by wait_for
past() { [ "$(millis)" -ge "$deadline" ]; }
wait_for past
"$TADD" -X 2>/dev/null
ok "a lifetime that ended while locked" keys 1

# Nothing of a locked agent is left in the next one.
"$TADD" -x 2>/dev/null
end "$agent_pid"
ok "a new agent starts" start_agent
ok "it is open and empty" listed 1
ok "and takes keys" ssh-add -q "$T/priv/k"
done_testing
