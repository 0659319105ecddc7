#!/bin/sh
# SPDX-License-Identifier: ISC
# Every option of ssh-agent, as tagent takes it: statuses, what is printed and on which stream. A
# row that ssh-agent answers otherwise says so; run with TAGENT=ssh-agent (10.5), the others hold
# for it too.
# shellcheck disable=SC2317,SC2016 # functions are called by name; other shells expand
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen
under_test "$TAGENT"

listed() { # STATUS
        run ssh-add -l
        [ "$rc" = "$1" ]
}

# --- what ends at once -------------------------------------------------------------------------

# row STATUS STDOUT STDERR OPTION...: patterns; '' means nothing at all.
row() {
        row_status=$1 row_out=$2 row_err=$3
        shift 3
        run env SHELL=/bin/sh timeout 10 "$TAGENT" "$@"
        is "$*: status" "$rc" "$row_status"
        if [ -n "$row_out" ]; then like "$*: output" "$out" "$row_out"
        else is "$*: no output" "$out" ""; fi
        if [ -n "$row_err" ]; then like "$*: words" "$err" "$row_err"
        else is "$*: no words" "$err" ""; fi
}

row 0 '' 'tagent [0-9]+\.[0-9]+' -V
row 1 '' '[Uu]sage' -Z
row 1 '' '[Uu]sage' -a
row 1 '' '[Uu]sage' -t
row 1 '' '[Uu]sage' -s -c
row 1 '' '[Uu]sage' -c -s
row 1 '' '[Uu]sage' -d -D
row 1 '' '[Uu]sage' -D -D
row 1 '' '[Uu]sage' -d -d
row 1 '' '[Uu]sage' -D true
row 1 '' '[Uu]sage' -c true
row 1 '' '[Uu]sage' -k true
row 255 '' 'crc32' -E crc32 -V
row 255 '' 'nonsense' -O nonsense -V
row 255 '' 'websafe-allow' -O websafe-allow=a -O websafe-allow=b -V
row 255 '' '-P' -P /a -P /b -V
for hash in md5 sha256 sha512 SHA256; do
        row 0 '' '[0-9]' -E $hash -V
done
for option in no-restrict-websafe allow-remote-pkcs11 'websafe-allow=ssh:*'; do
        row 0 '' '[0-9]' -O "$option" -V
done
row 0 '' '[0-9]' -P '/usr/lib*/*,/usr/local/lib*/*' -V
for life in 90 0 1h30m 2d 1w 1W 1m30 100s; do
        row 0 '' '[0-9]' -t $life -V
done
for life in soon 1.5h -1 '' 1y 99999999999 1h-1m '1 h'; do
        row 1 '' '[Uu]sage|lifetime' -t "$life" -V
done
row 0 '^Deleted stale agent sockets in ~/.ssh/agent$' '' -u
row 0 '^Deleted stale agent sockets in ~/.ssh/agent$' '' -uu
row 0 '^Deleted stale agent sockets in ~/.ssh/agent$' '' -u -u
row 1 '' 'SSH_AGENT_PID not set, cannot kill agent' -k
for pid in x 1x '' 0 1 -5 99999999999; do
        run env SSH_AGENT_PID="$pid" "$TAGENT" -k
        is "-k with SSH_AGENT_PID=$pid: status" "$rc" 1
        isnt "-k with SSH_AGENT_PID=$pid: words" "$err" ""
        is "-k with SSH_AGENT_PID=$pid: no output" "$out" ""
done
spawn true
wait "$pid"
run env SSH_AGENT_PID="$pid" "$TAGENT" -k
is "-k for one that has ended" "$rc ${err#*: }" "1 kill: No such process"

# --- -k prints for each shell ------------------------------------------------------------------

for shell in sh csh fish; do
        case $shell in sh) flag=-s ;; csh) flag=-c ;; fish) flag=--fish ;; esac
        spawn sleep 1000
        run env SSH_AGENT_PID="$pid" "$TAGENT" -k "$flag"
        case $shell in
        sh) want="unset SSH_AUTH_SOCK;
unset SSH_AGENT_PID;" ;;
        csh) want="unsetenv SSH_AUTH_SOCK;
unsetenv SSH_AGENT_PID;" ;;
        fish) want="set -e SSH_AUTH_SOCK;
set -e SSH_AGENT_PID;" ;;
        esac
        is "-k $flag" "$rc $out" "0 $want
echo Agent pid $pid killed;"
        wait "$pid" 2>/dev/null
done

# --- in the foreground -------------------------------------------------------------------------

SSH_AUTH_SOCK=$T/s
export SSH_AUTH_SOCK
spawn "$TAGENT" -D -s -s -a "$T/s" >"$T/out" 2>"$T/err"
ok "-D -a" wait_for listed 1
is "-D prints the path and the id, and no SSH_AGENT_PID" "$(cat "$T/out")" \
        "SSH_AUTH_SOCK=$T/s; export SSH_AUTH_SOCK;
echo Agent pid $pid;"
is "-D says nothing else" "$(cat "$T/err")" ""
is "the socket is the owner's alone" "$(stat -c %a "$T/s")" 600
end "$pid"
spawn "$TAGENT" -D -c -a "$T/s" >"$T/out" 2>"$T/err"
ok "-D -c" wait_for listed 1
is "-D -c prints for csh" "$(cat "$T/out")" "setenv SSH_AUTH_SOCK $T/s;
echo Agent pid $pid;"
end "$pid"
spawn "$TAGENT" -d -a "$T/s" >"$T/out" 2>"$T/err"
ok "-d" wait_for listed 1
printf '\0\0\0\1\372' >"$T/unknown"
/usr/bin/python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"\0\0\0\1\372")
s.recv(5)' "$T/s"
like "-d tells what happens" "$(cat "$T/err")" 'request 250 is not known'
end "$pid"

# --- -a and where the caller stands ------------------------------------------------------------

cd "$T/run" || exit 1
run "$TAGENT" -s -a ./rel
agent=$(printf '%s\n' "$out" | sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p')
record "$agent"
cd "$T/home" || exit 1
eval "$out" >/dev/null
ok "a relative path is good from everywhere" listed 1
end "$agent"
ok "and its socket is removed" not test -e "$T/run/rel"

# --- -t ----------------------------------------------------------------------------------------

ssh-keygen -q -t ed25519 -N '' -C c -f "$T/k"
SSH_AUTH_SOCK=$T/s
spawn "$TAGENT" -D -t 1 -a "$T/s" >"$T/out" 2>"$T/err"
wait_for listed 1
ok "-t: a key" ssh-add -q "$T/k"
ok "-t: it is there" listed 0
ok "-t: it goes" wait_for listed 1
end "$pid"

# --- -T and the usual path ---------------------------------------------------------------------

run "$TAGENT" -T -s
eval "$out" >/dev/null
record "$SSH_AGENT_PID"
folder=$(dirname "$SSH_AUTH_SOCK")
like "-T: below TMPDIR" "$SSH_AUTH_SOCK" "^$TMPDIR/ssh-[^/]+/agent\.[0-9]+$"
is "-T: a private folder" "$(stat -c %a "$folder")" 700
end "$SSH_AGENT_PID"
ok "-T: removed with its folder" not test -e "$folder"

# --- a command ---------------------------------------------------------------------------------

unset SSH_AUTH_SOCK SSH_AGENT_PID
run "$TAGENT" sh -c 'echo "$SSH_AUTH_SOCK"; echo "$SSH_AGENT_PID"; exit 7'
is "a command: its status" "$rc" 7
like "a command: its own socket" "$(printf '%s\n' "$out" | head -n 1)" "^$TMPDIR/ssh-"
agent=$(printf '%s\n' "$out" | tail -n 1)
record "$agent"
ok "a command: the agent ends with it" wait_for gone "$agent"
is "a command: nothing is left in TMPDIR" "$(find "$TMPDIR" -name 'ssh-*' | wc -l)" 0
run "$TAGENT" sh -c 'kill -s KILL $$'
is "a command that is killed: its status" "$rc" 137
run "$TAGENT" "$T/no-such-program"
is "a command that is not there: status" "$rc" 1
like "a command that is not there: words" "$err" 'no-such-program: No such file'
is "and nothing is left in TMPDIR" "$(wait_for sh -c "! ls $TMPDIR/ssh-*"; find "$TMPDIR" -name 'ssh-*' | wc -l)" 0
run "$TAGENT" -a "$T/cmd.sock" -t 60 sh -c 'echo "$SSH_AUTH_SOCK"'
is "a command with options" "$rc $out" "0 $T/cmd.sock"
run "$TAGENT" -- sh -c 'exit 3'
is "a command after --" "$rc" 3
run "$TAGENT" printf '%s|' -s -c -D
is "a command's own options are its own" "$rc $out" "0 -s|-c|-D|"
done_testing
