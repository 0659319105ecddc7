# SPDX-License-Identifier: ISC
#
# tap.sh: what every shell test stands on. Source it first:
#
#     . "${TA_SRCDIR:-.}/tests/support/tap.sh"
#     ok   "the socket appears" wait_for test -S "$sock"
#     run  "$TADD" -l
#     is   "exit status of an empty list" "$rc" 1
#     like "and its words" "$out" '^The agent has no identities'
#     done_testing
#
# Sourcing it gives the script a directory of its own ($T, removed at the end), with HOME, TMPDIR
# and the XDG folders inside, an environment without any other agent, and the names of the
# programs under test: TAGENT, TADD, TKEYGEN (set them to ssh-agent, ssh-add and ssh-keygen to
# hear what OpenSSH says to the same script). Processes are recorded with the moment they began
# and ended by their id; nothing is ever ended by its name. It knows TAP, time and processes, not
# ssh: that is rig.sh.
#
# A script that ends before done_testing prints no plan, and the suite counts that as an error.

: "${TA_SRCDIR:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${TA_BUILDDIR:=$TA_SRCDIR}"
: "${TA_KEEPER:=$TA_BUILDDIR/tagent-keeper}"
: "${TA_UNLOCKER:=$TA_BUILDDIR/tagent-unlocker}"
: "${TAGENT:=$TA_BUILDDIR/tagent}"
: "${TADD:=$TA_BUILDDIR/tadd}"
: "${TKEYGEN:=$TA_BUILDDIR/tkeygen}"
export TA_SRCDIR TA_BUILDDIR TA_KEEPER TA_UNLOCKER TAGENT TADD TKEYGEN

umask 022
exec </dev/null
unset SSH_AUTH_SOCK SSH_AGENT_PID SSH_ASKPASS SSH_ASKPASS_REQUIRE SSH_SK_PROVIDER SSH_TTY \
        DISPLAY WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS LISTEN_FDS LISTEN_PID LISTEN_FDNAMES \
        NOTIFY_SOCKET GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
LC_ALL=C.UTF-8
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH

# The name is short because a socket path has 107 bytes, and plain because OpenSSH's own tests
# delete every line with words like "hostkey" from files that mention it.
T=$(mktemp -d /tmp/ta.XXXXXX) || exit 99
chmod 711 "$T"
mkdir -m 700 "$T/home" "$T/run" "$T/tmp" "$T/home/.ssh"
HOME=$T/home
TMPDIR=$T/tmp
XDG_RUNTIME_DIR=$T/run
XDG_CONFIG_HOME=$HOME/.config
XDG_STATE_HOME=$HOME/.local/state
XDG_DATA_HOME=$HOME/.local/share
XDG_CACHE_HOME=$HOME/.cache
export T HOME TMPDIR XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME XDG_CACHE_HOME

# The agent under another program's eyes: "make memcheck" names valgrind here.
if [ -n "${TA_WRAP-}" ]; then
        printf '#!/bin/sh\nexec %s %s "$@"\n' "$TA_WRAP" "$TAGENT" >"$T/tagent"
        chmod 755 "$T/tagent"
        TAGENT=$T/tagent
fi

tap_n=0
tap_failed=0
tap_done=no
: >"$T/pids"

# --- TAP ---------------------------------------------------------------------------------------

diag() {
        printf '%s\n' "$*" | sed 's/^/# /'
}

# A case name becomes part of a TAP line, where '#' would begin a directive.
tap_line() { # WORDS NAME
        tap_n=$((tap_n + 1))
        printf '%s %d - %s\n' "$1" "$tap_n" "$(printf '%s' "$2" | tr '#\n' '+ ')"
}

pass() {
        tap_line ok "$1"
}

fail() { # NAME [WHY...]
        tap_failed=$((tap_failed + 1))
        tap_line "not ok" "$1"
        shift
        if [ $# -gt 0 ]; then diag "$@"; fi
        return 0
}

# ok NAME COMMAND...: passes when the command succeeds; shows what it printed when it does not.
# The command runs in this shell: functions work and may set variables.
ok() {
        tap_name=$1
        shift
        if "$@" >"$T/ok.out" 2>&1; then
                pass "$tap_name"
        else
                fail "$tap_name" "status $?: $*"
                tail -n 20 "$T/ok.out" | sed 's/^/#   /'
        fi
}

is() { # NAME GOT WANT
        if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got:  $2
want: $3"; fi
}

isnt() { # NAME GOT UNWANTED
        if [ "$2" != "$3" ]; then pass "$1"; else fail "$1" "got what should not be: $2"; fi
}

like() { # NAME GOT EXTENDED-REGEX (on any line of it)
        if printf '%s\n' "$2" | grep -Eq -e "$3"; then pass "$1"; else fail "$1" "got:  $2
want: /$3/"; fi
}

unlike() { # NAME GOT EXTENDED-REGEX
        if printf '%s\n' "$2" | grep -Eq -e "$3"; then fail "$1" "got:  $2
not:  /$3/"; else pass "$1"; fi
}

# A skipped case says why. Under CI=true nothing may be missing, so there only a reason that lies
# in the kind of user ("needs root", "needs an ordinary user") is accepted.
tap_may_skip() {
        case $1 in "needs root"* | "needs an ordinary user"*) return 0 ;; esac
        [ -z "${CI-}" ] || [ "${CI-}" = false ]
}

skip() { # NAME REASON
        if tap_may_skip "$2"; then
                tap_n=$((tap_n + 1))
                printf 'ok %d - %s # SKIP %s\n' "$tap_n" "$1" "$2"
        else
                fail "$1" "skipped where nothing may be missing: $2"
        fi
}

skip_all() { # REASON
        if tap_may_skip "$1"; then
                printf '1..0 # SKIP %s\n' "$1"
                tap_done=yes
                exit 0
        fi
        fail "all of it" "skipped where nothing may be missing: $1"
        done_testing
}

# need PROGRAM...: the whole script is skipped without them.
need() {
        for tap_prog; do
                command -v "$tap_prog" >/dev/null 2>&1 || skip_all "$tap_prog is not installed"
        done
}

have() {
        command -v "$1" >/dev/null 2>&1
}

done_testing() {
        printf '1..%d\n' "$tap_n"
        tap_done=yes
        [ "$tap_failed" -eq 0 ]
        exit
}

# --- commands, time ----------------------------------------------------------------------------

# run COMMAND...: never fails itself; leaves rc, out (stdout) and err (stderr).
run() {
        rc=0
        "$@" >"$T/run.out" 2>"$T/run.err" || rc=$?
        out=$(cat "$T/run.out")
        err=$(cat "$T/run.err")
}

# "! cmd" never trips set -e, and cannot be an argument of ok.
not() {
        if "$@"; then return 1; fi
}

# wait_for [-t SECONDS] COMMAND...: tries until it succeeds, 10 seconds at most.
wait_for() {
        tap_left=500
        if [ "$1" = -t ]; then
                tap_left=$(($2 * 50))
                shift 2
        fi
        while ! "$@" >/dev/null 2>&1; do
                tap_left=$((tap_left - 1))
                if [ "$tap_left" -le 0 ]; then return 1; fi
                sleep 0.02
        done
}

millis() {
        date +%s%3N
}

# --- processes ---------------------------------------------------------------------------------

# Field 22 of stat, counted from behind the name, which may hold blanks: with the id it names one
# process for good, however often the kernel hands the number out again.
pid_birth() {
        sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# A zombie has ended; only its parent has not looked yet.
alive() {
        case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1) in "" | Z | X) return 1 ;; esac
}

gone() {
        if alive "$1"; then return 1; fi
}

record() { # PID...
        for tap_pid; do
                printf '%s %s\n' "$tap_pid" "$(pid_birth "$tap_pid")" >>"$T/pids"
        done
}

# spawn COMMAND...: in the background, recorded; its id is left in $pid. (Redirect at the call.
# Only for programs: of a function the id would be a subshell's.)
spawn() {
        "$@" &
        pid=$!
        record "$pid"
}

# end PID [SIGNAL]: ends a recorded process and waits until it is gone.
end() {
        kill -s "${2:-TERM}" "$1" 2>/dev/null || return 0
        if ! wait_for -t 5 gone "$1"; then
                diag "process $1 ignored SIG${2:-TERM}"
                kill -s KILL "$1" 2>/dev/null
                wait_for -t 5 gone "$1"
        fi
        wait "$1" 2>/dev/null || :
}

tap_cleanup() {
        while read -r tap_pid tap_birth; do
                if [ -n "$tap_birth" ] && [ "$(pid_birth "$tap_pid")" = "$tap_birth" ]; then
                        kill -s CONT "$tap_pid" 2>/dev/null
                        end "$tap_pid"
                fi
        done <"$T/pids"
        if [ -n "${TA_KEEP-}" ]; then
                diag "kept: $T"
        else
                cd /
                chmod -R u+rwX "$T" 2>/dev/null
                rm -rf "$T"
        fi
}

tap_exit() {
        tap_status=$?
        trap - EXIT
        if [ "$tap_done" = no ]; then diag "ended before done_testing (status $tap_status)"; fi
        tap_cleanup
        if [ "$tap_done" = no ] && [ "$tap_status" -eq 0 ]; then tap_status=99; fi
        exit "$tap_status"
}
trap tap_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
