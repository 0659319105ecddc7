#!/bin/sh
# SPDX-License-Identifier: ISC
# F55, F56: another user connects, although somebody opened the socket to all. ssh-agent's own test of
# this (agent-getpeereid) is stopped by the file mode before the agent sees it; this one is not.
# shellcheck disable=SC2317 # functions are called by name
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen setpriv
under_test "$TAGENT"
if [ "$(id -u)" != 0 ]; then skip_all "needs root: it takes two users"; fi

ssh-keygen -q -t ed25519 -N '' -C c -f "$T/k"
as() { # UID COMMAND...
        as_uid=$1
        shift
        setpriv --reuid="$as_uid" --regid="$as_uid" --clear-groups "$@"
}
# What a connection is worth: whether a list request is answered, dropped, or refused by the file's
# mode. The request is sent before the agent has looked, as an attacker would.
cat >"$T/probe.py" <<'P'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
try:
    s.connect(sys.argv[1])
except PermissionError:
    print("mode")
    sys.exit()
try:
    s.sendall(b"\0\0\0\1\x0b")
    print("answered" if s.recv(64) else "dropped")
except (BrokenPipeError, ConnectionResetError):
    print("dropped")
P
# A connection that one user made and another one speaks on: who made it counts. And one that says
# nothing: whether it is dropped all the same.
cat >"$T/passed.py" <<'P'
import os, socket, sys
path, maker, speaker, request = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
os.seteuid(maker)
s.connect(path)
os.seteuid(0)
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
    sys.exit()
os.setgroups([])
os.setgid(speaker)
os.setuid(speaker)
try:
    if request:
        s.sendall(bytes.fromhex(request))
    print("answered" if s.recv(64) else "dropped")
except (BrokenPipeError, ConnectionResetError):
    print("dropped")
except socket.timeout:
    print("nothing")
P
chmod 755 "$T/probe.py"
passed() { # MAKER SPEAKER REQUEST
        /usr/bin/python3 "$T/passed.py" "$SSH_AUTH_SOCK" "$@"
}
probe() { # UID
        as "$1" /usr/bin/python3 "$T/probe.py" "$SSH_AUTH_SOCK"
}

ok "root's agent" start_agent
ok "a key" ssh-add -q "$T/k"
is "root is answered" "$(probe 0)" answered
is "another user is stopped by the mode" "$(probe 61111)" mode
chmod 777 "$SSH_AUTH_SOCK"
is "F56 with the mode gone, by the agent" "$(probe 61111)" dropped
is "F56 another group too" "$(probe 61112)" dropped
like "F56 the log says who" "$(cat "$T/agent.log")" 'connection by user id 61111 refused'
is "F56 who says nothing, too" "$(passed 61111 61111 '')" dropped
is "F56 nothing that is said is done" "$(passed 61111 61111 0000000113)" dropped
like "F56 the key is still there" "$(ssh-add -l)" 'ED25519'
is "F55 a connection that is passed on is of who made it" "$(passed 0 61111 000000010b)" answered
is "F55 also where root speaks on it" "$(passed 61111 0 000000010b)" dropped
is "root is still answered" "$(probe 0)" answered
unlike "F55 the log names nobody as somebody else" "$(cat "$T/agent.log")" "passed|python"
end "$agent_pid"

# The build folder may be where only we can go.
mkdir "$T/theirs" "$T/bin"
cp "$TAGENT" "$TA_KEEPER" "$T/bin"
chown 61111 "$T/theirs"
chmod 711 "$T/theirs"
SSH_AUTH_SOCK=$T/theirs/s
export SSH_AUTH_SOCK
spawn setpriv --reuid=61111 --regid=61111 --clear-groups env HOME="$T/theirs" \
        TA_KEEPER="$T/bin/tagent-keeper" "$T/bin/tagent" -D -a "$SSH_AUTH_SOCK" >"$T/their.log" 2>&1
ok "a user's agent" wait_for test -S "$SSH_AUTH_SOCK"
chmod 777 "$SSH_AUTH_SOCK"
is "its user is answered" "$(probe 61111)" answered
is "root is answered" "$(probe 0)" answered
is "F56 another user is not" "$(probe 61112)" dropped
done_testing
