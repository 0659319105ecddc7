#!/bin/sh
# SPDX-License-Identifier: ISC
# What make install puts where, and that it works from there: the keeper is found, although its user
# cannot read it.
# shellcheck disable=SC2317,SC2119 # functions are called by name, or without arguments
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen make
under_test "$TAGENT"
unset TA_KEEPER

env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$TA_BUILDDIR" install-exec DESTDIR="$T/dest" \
        >"$T/make.out" 2>&1 || { fail "make install" "$(cat "$T/make.out")"; done_testing; }
installed() { # NAME
        find "$T/dest" -name "$1" -type f
}
is "the keeper cannot be read" "$(stat -c %a "$(installed tagent-keeper)")" 711
is "nor the unlocker" "$(stat -c %a "$(installed tagent-unlocker)")" 711
is "the agent can" "$(stat -c %a "$(installed tagent)")" 755
isnt "they are in two folders" "$(dirname "$(installed tagent)")" \
        "$(dirname "$(installed tagent-keeper)")"

# start_installed: as it would be below its real prefix, which the programs know; here the keeper is
# put beside the agent.
start_installed() {
        mkdir "$T/bin" && cp -p "$(installed tagent)" "$(installed tagent-keeper)" "$T/bin"
        TAGENT=$T/bin/tagent
        start_agent && roles_of "$agent_pid"
}
ok "an agent with this keeper" start_installed
ssh-keygen -q -t ed25519 -N '' -C c -f "$T/k"
ok "takes a key" ssh-add -q "$T/k"
ok "and signs" ssh-add -T "$T/k.pub"
if hidden_memory; then
        like "at the highest level" "$("$TA_BUILDDIR/tagentctl" status)" 'level 3'
fi
end "$agent_pid"

# As another user, who did not install it, and so may not read it.
if [ "$(id -u)" = 0 ]; then
        mkdir "$T/theirs"
        chown 61111 "$T/theirs"
        SSH_AUTH_SOCK=$T/theirs/s
        as() {
                setpriv --reuid=61111 --regid=61111 --clear-groups env HOME="$T/theirs" "$@"
        }
        chmod 755 "$T/bin"
        ok "another user cannot read the keeper" not as cat "$T/bin/tagent-keeper"
        spawn setpriv --reuid=61111 --regid=61111 --clear-groups env HOME="$T/theirs" \
                "$T/bin/tagent" -D -a "$SSH_AUTH_SOCK" >"$T/their.log" 2>&1
        ok "but has an agent" wait_for agent_answers
        ok "that takes a key" ssh-add -q "$T/k"
        ok "and signs with it" ssh-add -T "$T/k.pub"
        if hidden_memory; then
                like "at the highest level for them, too" "$("$TA_BUILDDIR/tagentctl" status)" 'level 3'
        fi
        end "$pid"
else
        skip "another user" "needs root"
fi
done_testing
