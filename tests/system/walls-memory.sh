#!/bin/sh
# SPDX-License-Identifier: ISC
# How much memory keepers lock, what happens when it is full, and what they do on systems that refuse
# them what they ask for. Rows F32, F33.
# shellcheck disable=SC2317 # functions that ok and wait_for call
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen prlimit python3
under_test "$TAGENT"
hidden_memory || skip_all "no memory can be hidden here"
fill=$TA_SRCDIR/tests/support/fill.py
without=$TA_BUILDDIR/tests/support/without

locked_kib() { # PID: anybody may read this
        sed -n 's/^VmLck:[^0-9]*\([0-9]*\) kB$/\1/p' "/proc/$1/status"
}

# --- full keepers ------------------------------------------------------------------------------

# filled KIB ED25519 RSA: an agent with so much to lock gets so many keys; $out is what it said.
filled() {
        spawn prlimit --memlock=$(($1 * 1024)) "$TAGENT" -D -a "$T/agent.sock" \
                >"$T/agent.log" 2>&1
        agent_pid=$pid
        SSH_AUTH_SOCK=$T/agent.sock
        export SSH_AUTH_SOCK
        wait_for agent_answers && roles_of "$agent_pid" || return
        run /usr/bin/python3 "$fill" "$SSH_AUTH_SOCK" "$2" "$3"
        diag "$1 KiB: $out; locked: $(for pid in $keepers; do locked_kib "$pid"; done | xargs) KiB"
        test "$rc" = 0
}

if [ "$(id -u)" = 0 ]; then
        skip "8 MiB of locked memory" "needs an ordinary user: root has no limit"
        skip "2 MiB of locked memory" "needs an ordinary user: root has no limit"
else
        ok "8 MiB: an agent" filled 8192 1000 100
        is "8 MiB: 1000 Ed25519 and 100 RSA-4096 keys sign" "$out" \
                "added 1000 ed25519, 100 rsa; signed 1100; answered 6 to the last"
        for pid in $keepers; do
                ok "8 MiB: a keeper locks at most 4 MiB" test "$(locked_kib "$pid")" -le 4096
        done
        end "$agent_pid"

        ok "F33 2 MiB: an agent" filled 2048 0 0
        run /usr/bin/python3 "$fill" edge "$SSH_AUTH_SOCK"
        # What libraries do for the first time is what fails worst when there is no memory.
        is "F32 a first RSA key, when there is almost no room" "$out$err" fits
        is "F32 the keepers live" "$(children_of "$warden")" "$keepers"
        end "$agent_pid"

        ok "F33 2 MiB: an agent" filled 2048 100000 10
        like "F32 it takes what fits, refuses the next, and all that it has sign" \
                "$(printf '%s\n' "$out" | awk '$2 + $4 == $7 + 0 { print "all sign: " $0 }')" \
                'all sign: added [0-9]{3,} ed25519, 10 rsa; .* answered 5'
        for pid in $keepers; do
                ok "2 MiB: and no more is locked" test "$(locked_kib "$pid")" -le 2048
        done
        before=$(ssh-add -l | wc -l)
        ok "F32 they go" ssh-add -q -D
        run /usr/bin/python3 "$fill" "$SSH_AUTH_SOCK" 100000 10
        after=$(ssh-add -l | wc -l)
        ok "F32 and their room is there again: $after of $before" test "$after" -ge $((before * 9 / 10))
        end "$agent_pid"
fi

# Old systems allow 64 KiB, some containers nothing: the keys may reach swap then, and it says so.
if [ "$(id -u)" = 0 ]; then
        skip "64 KiB of locked memory" "needs an ordinary user: root has no limit"
else
        for kib in 1024 64 0; do
                ok "F33 $kib KiB: an agent" filled $kib 100 10
                is "F33 $kib KiB: keys are added and sign" "$out" \
                        "added 100 ed25519, 10 rsa; signed 110; answered 6 to the last"
                end "$agent_pid"
        done
fi

# --- levels ------------------------------------------------------------------------------------

level() { # NAME WANT [PREFIX...]
        level_name=$1
        level_want=$2
        shift 2
        run /usr/bin/python3 "$fill" keeper "$@" "$TA_KEEPER"
        is "$level_name" "$out" "level $level_want, status 0"
}
level "a keeper that nobody traces is at level 2, and ends in order" 2
level "without filters too" 2 "$without" seccomp,landlock
level "without memfd_secret it is at level 1" 1 "$without" memfd_secret
if [ "$(id -u)" = 0 ]; then
        skip "without locked memory it is at level 0" "needs an ordinary user"
else
        level "without locked memory it is at level 0" 0 prlimit --memlock=0
fi

# works WHAT PREFIX...: all kinds of keys are added, sign, and go.
works() {
        SSH_AUTH_SOCK=$T/level.sock
        spawn "$@" "$TAGENT" -D -a "$SSH_AUTH_SOCK" >"$T/level.log" 2>&1
        wait_for test -S "$SSH_AUTH_SOCK" &&
                /usr/bin/python3 "$fill" "$SSH_AUTH_SOCK" 3 1 >"$T/out" &&
                grep -q '^added 3 ed25519, 1 rsa; signed 4' "$T/out"
}
for lacking in memfd_secret ptrace seccomp landlock; do
        ok "F33 without $lacking: keys are added and sign" works "$without" $lacking
        end "$pid"
done
done_testing
