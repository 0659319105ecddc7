#!/bin/sh
# SPDX-License-Identifier: ISC
# Twelve ways of reading a process, tried on a keeper by its own user or by root: none gives a byte of
# what it can write. Each way is first tried on an ordinary process, where it has to work.
# shellcheck disable=SC2317 # functions that ok and wait_for call
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen gcore strace prlimit python3
under_test "$TAGENT"
hidden_memory || skip_all "no memory can be hidden here"
pry=$TA_BUILDDIR/tests/support/pry
who="the same user"
if [ "$(id -u)" = 0 ]; then who=root; fi

# core_of PID: sends it to its end with a core file allowed, as far as this user can allow it. A core
# that the system hands to a program would not be found here.
core_of() {
        prlimit --pid "$1" --core=unlimited 2>/dev/null ||
                prlimit --pid "$1" --core=unlimited: 2>/dev/null
        kill -s ABRT "$1" && wait_for gone "$1"
        test -n "$(find "$T/cwd" -name 'core*' -size +0)"
}

# try WAY PID: 0 when it gave something.
try() {
        case $1 in
        gcore)
                gcore -o "$T/gcore" "$2" >/dev/null 2>&1
                test -s "$T/gcore.$2" && rm "$T/gcore.$2" ;;
        strace)
                timeout -s INT 1 strace -o "$T/strace" -p "$2" 2>/dev/null
                test -s "$T/strace" && rm "$T/strace" ;;
        core) core_of "$2" ;;
        *)
                "$pry" "$1" "$2"
                case $? in 0) ;; 1) return 1 ;; *) return 2 ;; esac ;;
        esac
}

# gives_nothing WAY PID: what cannot be tried is no success.
gives_nothing() {
        try "$@"
        test $? = 1
}

gives_nothing_1000() {
        "$pry" -n 1000 seize "$1"
        test $? = 1
}

# The core comes last: it ends who is asked.
ways='process_vm_readv mem peek attach seize pidfd_getfd map_files environ userns gcore strace core'

# --- an ordinary process -----------------------------------------------------------------------

mkdir "$T/cwd"
cd "$T/cwd" || exit 99
spawn prlimit --core=0: "$TA_BUILDDIR/tests/support/memscan" -c "$(printf '%064d' 7)" >"$T/ready"
ordinary=$pid
ok "an ordinary process" wait_for test -s "$T/ready"
# no_control WAY: what this user cannot do here to any process.
no_control() {
        case $1 in
        userns) return ;; # leaves one with fewer rights than before
        map_files) test "$who" != root ;;
        core)
                case $(cat /proc/sys/kernel/core_pattern) in '|'* | /*) return ;; esac
                test "$who" != root -a "$(awk '/^Max core/ { print $6 }' /proc/self/limits)" = 0 ;;
        *) return 1 ;;
        esac
}
for way in $ways; do
        if no_control "$way"; then
                diag "$way is not possible on any process here"
        else
                ok "$way works on an ordinary process of $who" try "$way" "$ordinary"
        fi
done
rm -f "$T"/cwd/core*

# --- keepers -----------------------------------------------------------------------------------

ok "an agent" start_agent
ok "has keepers" roles_of "$agent_pid"
if [ -z "${keepers-}" ]; then done_testing; fi
ssh-keygen -q -t ed25519 -N '' -C k -f "$T/k"
ok "with a key" ssh-add -q "$T/k"
for keeper in $keepers; do break; done
signs() {
        printf data >"$T/data"
        rm -f "$T/data.sig"
        ssh-keygen -q -Y sign -f "$T/k.pub" -n n "$T/data" 2>/dev/null && test -s "$T/data.sig"
}
for pid in $keepers; do
        is "a keeper is traced by its warden" \
                "$(sed -n 's/^TracerPid:[^0-9]*//p' "/proc/$pid/status")" "$warden"
done
for way in $ways; do
        if [ "$way" = core ]; then ok "the key signs after all of that" signs; fi
        ok "$way gives $who nothing of a keeper" gives_nothing "$way" "$keeper"
done
is "a keeper that is ended takes the keys along" "$(wait_for not ssh-add -l; ssh-add -l)" \
        "The agent has no identities."

# --- what it reads itself ----------------------------------------------------------------------

run strace -f -o "$T/opened" -e trace=open,openat,openat2 /usr/bin/python3 \
        "$TA_SRCDIR/tests/support/fill.py" keeper "$TA_KEEPER"
like "a keeper opens its libraries" "$(cat "$T/opened")" 'libcrypto'
is "F54 and no configuration" "$(sed -n '/tagent-keeper/,$p' "$T/opened" | grep -c '\.cnf\|\.conf')" 0

# --- while it works ----------------------------------------------------------------------------

ok "new keepers" wait_for roles_of "$agent_pid"
ok "take the key" ssh-add -q "$T/k"
spawn /usr/bin/python3 "$TA_SRCDIR/tests/support/needles.py" load "$SSH_AUTH_SOCK" "$T/k"
for keeper in $keepers; do
        ok "attached 1000 times while it signs: nothing" gives_nothing_1000 "$keeper"
done
ok "and it went on" alive "$pid"
end "$pid"

# --- the others --------------------------------------------------------------------------------

is "the warden is behind a filter" "$(sed -n 's/^Seccomp:\t*//p' "/proc/$warden/status")" 2
for pid in $agent_pid $launcher $warden; do
        name=$(sed -n 's/^Name:\t*//p' "/proc/$pid/status")
        if [ "$who" = root ]; then continue; fi
        for way in mem seize pidfd_getfd; do
                ok "$way gives $who nothing of $name" gives_nothing $way "$pid"
        done
done
done_testing
