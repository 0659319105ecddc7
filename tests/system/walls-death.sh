#!/bin/sh
# SPDX-License-Identifier: ISC
# What happens when a process of the agent's is killed: keys that are gone are not listed, it is logged
# once, and the agent goes on. Rows F45 to F48.
# shellcheck disable=SC2317 # functions that ok and wait_for call
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen python3
under_test "$TAGENT"
ssh-keygen -q -t ed25519 -N '' -C k -f "$T/k"

empty() {
        run ssh-add -l
        test "$rc" = 1
}
signs() {
        printf data >"$T/data"
        rm -f "$T/data.sig"
        ssh-keygen -q -Y sign -f "$T/k.pub" -n n "$T/data" 2>/dev/null && test -s "$T/data.sig"
}
keepers=
ready() { # an agent with its processes and a key that signs
        # shellcheck disable=SC2119 # no options
        start_agent && wait_for roles_of "$agent_pid" && ssh-add -q "$T/k" && signs
}
new_family() { # OLD-KEEPERS
        roles_of "$agent_pid" && test "$keepers" != "$1" && alive "${keepers%% *}"
}

# kill_and_time PID OTHER...: kills the first; prints the milliseconds until the last of the others has
# ended too.
kill_and_time() {
        /usr/bin/python3 - "$@" <<'X'
import os, select, signal, sys, time
victim, *others = map(int, sys.argv[1:])
fds = [os.pidfd_open(pid) for pid in others]
began = time.monotonic()
os.kill(victim, signal.SIGKILL)
for fd in fds:
    if not select.select([fd], [], [], 5)[0]:
        sys.exit("process %d lives" % others[fds.index(fd)])
print("%.2f" % ((time.monotonic() - began) * 1000))
X
}

# --- a keeper, the warden ----------------------------------------------------------------------

# after_loss WHAT OLD-KEEPERS
after_loss() {
        ok "$1: no key is listed" wait_for empty
        ok "$1: there are new keepers" wait_for new_family "$2"
        is "$1: it is logged once" "$(grep -c 'keeper has ended' "$T/agent.log")" 1
        ok "$1: the key can be added again" ssh-add -q "$T/k"
        ok "$1: and signs" signs
        ok "$1: the agent is the same" alive "$agent_pid"
        end "$agent_pid"
}
for which in first last; do
        ok "F46 the $which keeper: an agent" ready
        if [ -z "$keepers" ]; then done_testing; fi
        old=$keepers
        case $which in first) victim=${keepers%% *} ;; *) victim=${keepers##* } ;; esac
        kill -s KILL "$victim"
        after_loss "F46 the $which keeper killed" "$old"
done

ok "F47 an agent" ready
old=$keepers
# shellcheck disable=SC2086 # ids
run kill_and_time "$warden" $keepers
is "F47 the warden's death is the keepers'" "$rc" 0
diag "keepers ended $out ms after their warden"
after_loss "F47 the warden killed" "$old"

ok "F47 an agent" ready
for signal in TERM HUP INT QUIT TSTP USR1; do kill -s $signal "$warden"; done
ok "F47 no other signal ends the warden" signs
for signal in HUP INT QUIT TSTP PIPE; do kill -s $signal "${keepers%% *}"; done
ok "F57 and no terminal's signal a keeper" signs
ok "the same keepers" test "$(children_of "$warden")" = "$keepers"

# --- a keeper that is to stop: its warden would not see it go on ------------------------------

# Whether a stop has come and gone.
goes_on() {
        grep -q '^ShdPnd:.*0000000000000000$' "/proc/$1/status" &&
                grep -q '^State:[[:space:]]*[RS]' "/proc/$1/status"
}
for pid in $keepers; do
        kill -s STOP "$pid"
        ok "a keeper that is told to stop goes on" wait_for goes_on "$pid"
        ok "and the agent still answers" ssh-add -l
done
ok "then it signs" signs

# --- the launcher, the front -------------------------------------------------------------------

kill -s KILL "$launcher"
ok "F48 the launcher killed" wait_for gone "$launcher"
ok "F48 signing goes on" signs
end "$agent_pid"
# shellcheck disable=SC2086 # ids
ok "F48 and the end of the agent is the keepers' end" wait_for all_gone "$warden" $keepers

ok "F45 an agent" ready
family="$launcher $warden $keepers"
# shellcheck disable=SC2086 # ids
run kill_and_time "$agent_pid" $family
is "F45 the front killed: all others end" "$rc" 0
diag "all ended $out ms after the front"
ok "F45 the socket is left behind" test -S "$SSH_AUTH_SOCK"
ok "F45 and a new agent takes its place" wait_for ready
ok "F45 with a key that signs" signs
done_testing
