#!/bin/sh
# SPDX-License-Identifier: ISC
# F33: where little or no memory may be locked (64 KiB was the usual limit for years, and is in many
# containers) agent and tools work all the same.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-keygen
under_test "$TAGENT" "$TADD" "$TKEYGEN"
[ "$(id -u)" != 0 ] || skip_all "needs an ordinary user"

"$STOCK_KEYGEN" -q -t rsa -b 2048 -N '' -C plain -f "$T/plain"
"$STOCK_KEYGEN" -q -t ed25519 -N 'a phrase' -C sealed -f "$T/sealed"
askpass_says 'a phrase'

for limit in 1500 512 64 0; do
        # shellcheck disable=SC3045 # dash has it, and so has bash
        ulimit -l "$limit" || { fail "F33 $limit KiB: can be set"; continue; }
        start_agent -t 1h || fail "F33 $limit KiB: an agent starts" "$(cat "$T/agent.log")"
        ok "F33 $limit KiB: a key is added" "$TADD" -q "$T/plain"
        ok "F33 $limit KiB: and one with a passphrase" "$TADD" -q "$T/sealed"
        ok "F33 $limit KiB: both sign" "$TADD" -T "$T/plain.pub" "$T/sealed.pub"
        ok "F33 $limit KiB: a key is made" "$TKEYGEN" -q -t ed25519 -N 'a phrase' -f "$T/made$limit"
        end "$agent_pid"
        rm -f "$SSH_AUTH_SOCK"
done
done_testing
