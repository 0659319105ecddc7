#!/bin/sh
# SPDX-License-Identifier: ISC
# F57: every signal that a user, a terminal or a supervisor may send, in the foreground and as a
# daemon: who ends, with what status, and whether the socket and the keepers go along.
# shellcheck disable=SC2317,SC2119 # functions are called by name, or without arguments
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen
under_test "$TAGENT"

ssh-keygen -q -t ed25519 -N '' -C c -f "$T/k"
listed() { # STATUS
        run ssh-add -l
        [ "$rc" = "$1" ]
}
ended_with() { # STATUS
        wait_for gone "$agent_pid" || return 1
        status=0
        wait "$agent_pid" || status=$?
        [ "$status" = "$1" ] || { echo "status $status"; return 1; }
}

# --- in the foreground -------------------------------------------------------------------------

# A background process of a script has SIGINT ignored from birth; a terminal's has not.
ok "an agent in the foreground" start_agent
ok "a key" ssh-add -q "$T/k"
family=$(family_of "$agent_pid")
isnt "it has a launcher and keepers" "$(printf '%s\n' "$family" | wc -l)" 1
kill -s PIPE "$agent_pid"
ok "SIGPIPE changes nothing" listed 0
kill -s USR1 "$agent_pid"
ok "SIGUSR1 forgets the keys" wait_for listed 1
ok "and nothing else" alive "$agent_pid"
like "it is in the log" "$(cat "$T/agent.log")" 'SIGUSR1'
ok "keys are taken again" ssh-add -q "$T/k"
kill -s STOP "$agent_pid"
kill -s CONT "$agent_pid"
ok "stopped and continued, it goes on" listed 0
for signal in TERM HUP INT; do
        if ! alive "$agent_pid"; then start_agent; family=$(family_of "$agent_pid"); fi
        kill -s $signal "$agent_pid"
        ok "SIG$signal: status 2" ended_with 2
        ok "SIG$signal takes the socket along" not test -e "$SSH_AUTH_SOCK"
        # shellcheck disable=SC2086 # a list of ids
        ok "SIG$signal: launcher and keepers end" wait_for all_gone $family
done

# A crash leaves no core, and no keeper.
start_agent
family=$(family_of "$agent_pid")
is "cores are switched off" \
        "$(sed -n 's/^Max core file size *\([0-9]*\) .*/\1/p' "/proc/$agent_pid/limits")" 0
kill -s SEGV "$agent_pid"
ok "SIGSEGV ends it" wait_for gone "$agent_pid"
# shellcheck disable=SC2086
ok "SIGSEGV: launcher and keepers end" wait_for all_gone $family
rm -f "$SSH_AUTH_SOCK"

# The same for each process, in a folder where a core would be found.
mkdir "$T/cwd"
cd "$T/cwd" || exit 99
start_agent
family=$(family_of "$agent_pid")
for pid in $family $agent_pid; do
        name=$(sed -n 's/^Name:\t*//p' "/proc/$pid/status")
        is "F57 no core of $name: limit" \
                "$(sed -n 's/^Max core file size *\([0-9]*\) .*/\1/p' "/proc/$pid/limits")" 0
        is "F57 no core of $name: not dumpable, so root's" "$(stat -c %U "/proc/$pid/auxv")" root
done
for pid in $(printf '%s\n' "$family" | tac); do kill -s SEGV "$pid" 2>/dev/null; done
ok "F57 the keys are gone" listed 1
end "$agent_pid" SEGV
# shellcheck disable=SC2086
ok "F57 nobody is left" wait_for all_gone $family
is "F57 and no core" "$(ls)" ""
cd / || exit 99
rm -f "$SSH_AUTH_SOCK"

# --- as a daemon -------------------------------------------------------------------------------

eval "$("$TAGENT" -s)" >/dev/null
agent_pid=$SSH_AGENT_PID
record "$agent_pid"
family=$(family_of "$agent_pid")
ok "a daemon" listed 1
kill -s INT "$agent_pid"
ok "SIGINT is not for a daemon" listed 1
kill -s USR1 "$agent_pid"
ok "SIGUSR1 does not end it" listed 1
is "it has a session of its own" "$(cut -d' ' -f6 "/proc/$agent_pid/stat")" "$agent_pid"
if [ "$(id -u)" = 0 ]; then
        is "and holds no folder" "$(readlink "/proc/$agent_pid/cwd")" /
else
        skip "and holds no folder" "needs root: others may not look into an agent"
fi
kill -s HUP "$agent_pid"
ok "SIGHUP ends it" wait_for gone "$agent_pid"
ok "with its socket" not test -e "$SSH_AUTH_SOCK"
# shellcheck disable=SC2086
ok "and all its processes" wait_for all_gone $family

# A signal to a launcher or a keeper is none to the agent.
start_agent
ok "a key again" ssh-add -q "$T/k"
launcher=$(family_of "$agent_pid" | head -n 1)
for signal in TERM HUP INT QUIT USR1 PIPE TSTP; do
        kill -s $signal "$launcher"
done
ok "the launcher heeds no signal" listed 0
ok "and lives" alive "$launcher"
for keeper in $(family_of "$launcher"); do
        for signal in HUP INT QUIT PIPE TSTP; do
                kill -s $signal "$keeper"
        done
done
ok "a terminal's signals do not end a keeper" listed 0
end "$agent_pid"
done_testing
