#!/bin/sh
# SPDX-License-Identifier: ISC
# A limit on the size of files is none on memory: who works under "ulimit -f" was ended by SIGXFSZ
# before anything began, since hidden memory is a file to the kernel. Now it is not hidden there.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-keygen ssh-add
under_test "$TAGENT" "$TADD" "$TKEYGEN"

"$STOCK_KEYGEN" -q -t ed25519 -N 'a phrase' -C sealed -a 1 -f "$T/sealed"
askpass_says 'a phrase'
run "$STOCK_KEYGEN" -y -f "$T/sealed"
want=$out
SSH_AUTH_SOCK=$T/agent.sock
export SSH_AUTH_SOCK

for limit in 0 300; do # of 512 bytes: nothing, and a stack but no arena
        # shellcheck disable=SC2016 # that shell's own
        spawn sh -c "ulimit -f $limit;"' exec "$TAGENT" -D -a "$SSH_AUTH_SOCK"' >/dev/null 2>&1
        ok "$limit: an agent starts" wait_for agent_answers
        # shellcheck disable=SC2016
        ok "$limit: a key is added" sh -c "ulimit -f $limit;"' exec "$TADD" "$T/sealed" >/dev/null 2>&1'
        ok "$limit: and signs" ssh-add -T "$T/sealed.pub"
        # shellcheck disable=SC2016
        is "$limit: a key is read" \
                "$(sh -c "ulimit -f $limit;"' exec "$TKEYGEN" -y -f "$T/sealed"' 2>/dev/null)" "$want"
        end "$pid"
        rm -f "$SSH_AUTH_SOCK"
done
done_testing
