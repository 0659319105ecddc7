#!/bin/sh
# SPDX-License-Identifier: ISC
# Started by a service manager that holds the socket: sd_listen_fds(3), as ssh-agent takes it.
# shellcheck disable=SC2317 # functions are called by name
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen systemd-socket-activate
under_test "$TAGENT"

ssh-keygen -q -t ed25519 -N '' -C c -f "$T/k"
SSH_AUTH_SOCK=$T/a.sock
export SSH_AUTH_SOCK
listed() { # STATUS
        run ssh-add -l
        [ "$rc" = "$1" ]
}

# --- as systemd does it ------------------------------------------------------------------------

spawn systemd-socket-activate --listen="$SSH_AUTH_SOCK" -E HOME="$HOME" -E TA_KEEPER="$TA_KEEPER" \
        -E XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" "$TAGENT" -D >"$T/out" 2>"$T/err"
ok "the socket is there before the agent" wait_for test -S "$SSH_AUTH_SOCK"
inode=$(stat -c %i "$SSH_AUTH_SOCK")
ok "the first connection starts it" listed 1
ok "a key is added" ssh-add -q "$T/k"
ok "and listed" listed 0
is "nothing is printed" "$(cat "$T/out")" ""
ok "no socket of its own is made" not test -e "$XDG_RUNTIME_DIR/tagent"
kill "$pid"
status=0
wait "$pid" || status=$?
is "SIGTERM: status" "$status" 0
is "the socket stays, it is not the agent's" "$(stat -c %i "$SSH_AUTH_SOCK")" "$inode"
rm "$SSH_AUTH_SOCK"

# --- the environment, good and bad -------------------------------------------------------------

cat >"$T/activate.py" <<'P'
import os, socket, sys
path, pid, fds = sys.argv[1:4]
if path != "-":
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen()
    os.dup2(s.fileno(), 3)
    os.set_inheritable(3, True)
os.environ["LISTEN_PID"] = pid.replace("self", str(os.getpid()))
os.environ["LISTEN_FDS"] = fds
os.environ["LISTEN_FDNAMES"] = "ssh"
os.execv(sys.argv[4], sys.argv[4:])
P
# activated SOCKET PID FDS [OPTION...]: in the background, id in $pid.
activated() {
        activated_socket=$1 activated_pid=$2 activated_fds=$3
        shift 3
        spawn /usr/bin/python3 "$T/activate.py" "$activated_socket" "$activated_pid" \
                "$activated_fds" "$TAGENT" "$@" >"$T/out" 2>"$T/err"
}
ends_with() { # STATUS: what the last one ends with, by itself
        wait_for gone "$pid" || { end "$pid"; return 1; }
        status=0
        wait "$pid" || status=$?
        [ "$status" = "$1" ] || { echo "status $status"; return 1; }
}

activated "$T/b.sock" self 1 -D
SSH_AUTH_SOCK=$T/b.sock
ok "LISTEN_PID and LISTEN_FDS=1" wait_for listed 1
kill -s HUP "$pid"
ok "another signal: status 2" ends_with 2
ok "and its socket stays" test -S "$T/b.sock"

activated "$T/c.sock" self 2 -D
ok "two sockets are fatal: status 255" ends_with 255
like "and it says why" "$(cat "$T/err")" 'LISTEN_FDS'
activated "$T/d.sock" self 0 -D
ok "none is fatal too" ends_with 255

# For another process: not ours, so the usual path it is.
activated "$T/e.sock" 1 1 -D
SSH_AUTH_SOCK=$XDG_RUNTIME_DIR/tagent/agent.sock
ok "another's LISTEN_PID is no activation" wait_for listed 1
like "it says where it is" "$(cat "$T/out")" "^SSH_AUTH_SOCK=$SSH_AUTH_SOCK;"
kill "$pid"
ok "and ends as always: status 2" ends_with 2
ok "with its socket" not test -e "$SSH_AUTH_SOCK"

# -a says where, so the descriptor is not looked at.
activated "$T/f.sock" self 1 -D -a "$T/g.sock"
SSH_AUTH_SOCK=$T/g.sock
ok "-a wins" wait_for listed 1
end "$pid"

# A descriptor that is no socket.
activated - self 1 -D
ok "a descriptor that is not there: status 1" ends_with 1
isnt "and a word on it" "$(cat "$T/err")" ""
done_testing
