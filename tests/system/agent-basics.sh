#!/bin/sh
# SPDX-License-Identifier: ISC
# The agent as a process: starting, finding the one that runs, output for each shell, paths that
# are in the way, signals, lifetimes. Rows F41, F42, F43, F44, F53, F57, F58, F60.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen
under_test "$TAGENT"
case ${TAGENT##*/} in ssh-agent) stock=yes ;; *) stock=no ;; esac

ssh-keygen -q -t ed25519 -N '' -C c -f "$T/k"
listed() { # STATUS: what a listing at $SSH_AUTH_SOCK ends with: 0 keys, 1 none, 2 nobody there
        run ssh-add -l
        [ "$rc" = "$1" ]
}
# begin PATH [COMMAND PREFIX...]: an agent in the foreground there.
begin() {
        SSH_AUTH_SOCK=$1
        export SSH_AUTH_SOCK
        shift
        spawn "$@" "$TAGENT" -D -a "$SSH_AUTH_SOCK" >"$T/fg.log" 2>&1
        agent=$pid
        wait_for listed 1
}

# --- one agent, always found -------------------------------------------------------------------

ok "start" eval 'eval "$("$TAGENT" -s)"'
record "$SSH_AGENT_PID"
first=$SSH_AUTH_SOCK first_pid=$SSH_AGENT_PID
ok "it answers" listed 1
is "the socket is the owner's alone" "$(stat -c %a "$first")" 600
is "its folder too" "$(stat -c %a "$(dirname "$first")")" 700
if [ $stock = no ]; then
        is "at the one stable path" "$first" "$XDG_RUNTIME_DIR/tagent/agent.sock"
        ok "start again" eval 'eval "$("$TAGENT")"'
        is "the same agent" "$SSH_AUTH_SOCK $SSH_AGENT_PID" "$first $first_pid"
        unset SSH_AUTH_SOCK SSH_AGENT_PID
        ok "start again, knowing nothing" eval 'eval "$("$TAGENT" -s)"'
        is "still the same agent" "$SSH_AUTH_SOCK $SSH_AGENT_PID" "$first $first_pid"
        ok "a private one" eval 'eval "$("$TAGENT" -T -s)"'
        record "$SSH_AGENT_PID"
        isnt "is another" "$SSH_AUTH_SOCK" "$first"
        like "under TMPDIR" "$SSH_AUTH_SOCK" "^$TMPDIR/ssh-[^/]+/agent\.[0-9]+$"
        run "$TAGENT" -k
        is "-k ends it" "$rc" 0
        ok "and it goes" wait_for gone "$SSH_AGENT_PID"
        SSH_AUTH_SOCK=$first SSH_AGENT_PID=$first_pid
        ok "the first one stays" listed 1
fi
run "$TAGENT" -k
is "-k: status" "$rc" 0
is "-k: words" "$out" "unset SSH_AUTH_SOCK;
unset SSH_AGENT_PID;
echo Agent pid $first_pid killed;"
ok "the agent ends" wait_for gone "$first_pid"
ok "its socket goes" wait_for not test -e "$first"
unset SSH_AGENT_PID
run "$TAGENT" -k
is "-k without an agent: status" "$rc" 1
like "-k without an agent: words" "$err" 'SSH_AGENT_PID not set'

# --- output for shells -------------------------------------------------------------------------

private=-T
if [ $stock = yes ]; then private=; fi
# shellcheck disable=SC2086 # none or one option
sh_line=$("$TAGENT" $private -s)
agent=$(printf '%s\n' "$sh_line" | sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p')
record "$agent"
is "sh: the last line" "$(printf '%s\n' "$sh_line" | tail -n 1)" "echo Agent pid $agent;"
is "sh: understood" "$(sh -c "$sh_line"'ssh-add -l')" "Agent pid $agent
The agent has no identities."
end "$agent"
# shellcheck disable=SC2086
csh_line=$("$TAGENT" $private -c)
agent=$(printf '%s\n' "$csh_line" | sed -n 's/^setenv SSH_AGENT_PID \([0-9]*\);.*/\1/p')
record "$agent"
like "csh: the socket" "$csh_line" '^setenv SSH_AUTH_SOCK [^ ]+;$'
if have csh; then
        like "csh: understood" "$(csh -f -c "$csh_line"'ssh-add -l')" 'no identities'
fi
end "$agent"
# shellcheck disable=SC2086
run env SHELL=/bin/csh "$TAGENT" $private
like "csh output is chosen by SHELL" "$out" '^setenv '
end "$(printf '%s\n' "$out" | sed -n 's/^setenv SSH_AGENT_PID \([0-9]*\);.*/\1/p')"
if [ $stock = no ]; then
        run env SHELL=/usr/bin/fish "$TAGENT" -T
        agent=$(printf '%s\n' "$out" | sed -n 's/^set -gx SSH_AGENT_PID \([0-9]*\);.*/\1/p')
        record "$agent"
        like "fish: the socket" "$out" '^set -gx SSH_AUTH_SOCK [^ ]+;$'
        if have fish; then
                like "fish: understood" "$(fish --no-config -c "$out; ssh-add -l" 2>&1)" \
                        'no identities'
        else
                skip "fish: understood" "fish is not installed"
        fi
        end "$agent"
fi

# --- a command ---------------------------------------------------------------------------------

run "$TAGENT" sh -c 'ssh-add -l; echo "$SSH_AGENT_PID"; exit 7'
is "a command's status is the agent's" "$rc" 7
like "the command has an agent" "$out" 'no identities'
record "$(printf '%s\n' "$out" | tail -n 1)"
ok "which ends with it" wait_for -t 15 gone "$(printf '%s\n' "$out" | tail -n 1)"

# --- options -----------------------------------------------------------------------------------

run "$TAGENT" -D -d
is "-D with -d is a usage error" "$rc" 1
run "$TAGENT" -s -c
is "-s with -c is a usage error" "$rc" 1
run "$TAGENT" -t soon
is "a lifetime that is none" "$rc" 1
run "$TAGENT" -E crc32
isnt "a hash that is none" "$rc" 0
if [ $stock = no ]; then
        run "$TAGENT" -V
        is "-V: status" "$rc" 0
        like "-V: on stderr" "$err" '[0-9]+\.[0-9]+'
        is "-V: not on stdout" "$out" ""
fi

# --- paths in the way --------------------------------------------------------------------------

long=$T/$(printf '%0120d' 0)
run "$TAGENT" -D -a "$long"
isnt "F41 a path over 107 bytes: refused" "$rc" 0
if [ $stock = no ]; then like "F41 the limit is named" "$err" '10[78]'; fi

p=$T/p.sock
ok "F42 an agent at a path" begin "$p"
run "$TAGENT" -D -a "$p"
isnt "F42 a live agent there: refused" "$rc" 0
ok "F42 it goes on" listed 1
kill -s KILL "$agent"
wait_for gone "$agent"
if [ $stock = no ]; then ok "F42 a stale socket is replaced" begin "$p"; fi
end "$agent"
echo precious >"$T/file"
mkdir "$T/dir"
ln -s "$T/file" "$T/link"
for what in file dir link; do
        run timeout 5 "$TAGENT" -D -a "$T/$what"
        ok "F42 a $what in the way: refused" test "$rc" != 0 -a "$rc" != 124
done
is "F42 nothing was harmed" "$(cat "$T/file" "$T/link"; test -d "$T/dir" && echo dir)" "precious
precious
dir"
if [ "$(id -u)" = 0 ]; then
        /usr/bin/python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \
                "$T/theirs"
        chown nobody "$T/theirs"
        if [ $stock = no ]; then
                run timeout 5 "$TAGENT" -D -a "$T/theirs"
                ok "F42 another's socket: refused" test "$rc" != 0 -a "$rc" != 124
        fi
        ok "F42 and still there" test -S "$T/theirs"
else
        skip "F42 another's socket" "needs root"
fi

if [ $stock = no ]; then
        f43() { # WHAT [ENV...]
                what=$1
                shift
                run env "$@" "$TAGENT" -s
                p=$(printf '%s\n' "$out" | sed -n 's/^SSH_AUTH_SOCK=\([^;]*\);.*/\1/p')
                agent=$(printf '%s\n' "$out" | sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p')
                is "F43 XDG_RUNTIME_DIR $what: the private folder" "$p" \
                        "$HOME/.ssh/agent/tagent.sock"
                if [ -n "$agent" ]; then
                        record "$agent"
                        end "$agent"
                fi
        }
        f43 unset -u XDG_RUNTIME_DIR
        f43 missing XDG_RUNTIME_DIR="$T/nowhere"
        mkdir -m 755 "$T/open"
        f43 "open to others" XDG_RUNTIME_DIR="$T/open"
        if [ "$(id -u)" = 0 ]; then
                mkdir -m 700 "$T/foreign"
                chown nobody "$T/foreign"
                f43 "of another owner" XDG_RUNTIME_DIR="$T/foreign"
        else
                skip "F43 XDG_RUNTIME_DIR of another owner" "needs root"
        fi
fi

# A client that stays connected: it asks for the list before and after a command.
cat >"$T/stay.py" <<'P'
import socket, subprocess, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
for command in ["true", sys.argv[2]]:
    subprocess.check_call(command, shell=True)
    s.sendall(b"\0\0\0\1\x0b")
    if s.recv(64)[4] != 12:
        sys.exit(1)
P
lost='the socket .* is gone'
# shellcheck disable=SC2317 # called by wait_for
said_lost() { grep -q "$lost" "$T/fg.log"; }
for how in "rm s" "rm -r ../away" "mv ../away ../gone" "mv s t"; do
        mkdir -m 700 "$T/away"
        ok "F44 an agent in a folder" begin "$T/away/s"
        ok "F44 $how: the agent stays, and serves who is connected" \
                /usr/bin/python3 "$T/stay.py" "$T/away/s" "cd '$T/away' && $how"
        if [ $stock = no ]; then
                ok "F44 $how: it is said" wait_for said_lost
                is "F44 $how: once" "$(grep -c "$lost" "$T/fg.log")" 1
        fi
        kill "$agent"
        ok "F44 $how: it still ends when told to" wait_for gone "$agent"
        rm -rf "$T/away" "$T/gone"
done
if [ $stock = no ]; then
        mkdir -m 700 "$T/away"
        ok "F44 an agent in a folder" begin "$T/away/s"
        chmod 777 "$T/away/s"
        touch "$T/away/s" "$T/away/other"
        rm "$T/away/other"
        ok "F44 what happens beside the socket" listed 1
        end "$agent"
        ok "F44 is not said" not said_lost
fi

# --- descriptors and signals -------------------------------------------------------------------

printf '#!/bin/sh\nexec 0<&- 1>&- 2>&-\nexec "$@"\n' >"$T/closed"
chmod 755 "$T/closed"
ok "F53 descriptors 0, 1, 2 closed" begin "$T/s53" "$T/closed"
ok "F53 a key can be added" ssh-add -q "$T/k"
ok "F53 and is there" listed 0
is "F53 the three are not a socket" "$(find -L "/proc/$agent/fd/0" "/proc/$agent/fd/1" \
        "/proc/$agent/fd/2" -maxdepth 0 -type s | wc -l)" 0
end "$agent"

# What programs are told by their environment: the agent is not moved by it, and the keepers have none.
# Whoever read the configuration would wait for ever.
if [ $stock = no ]; then
        mkfifo "$T/fifo"
        mkdir "$T/modules"
        cat >"$T/hostile" <<X
#!/bin/sh
exec env OPENSSL_CONF=$T/fifo OPENSSL_MODULES=$T/modules OPENSSL_ia32cap=~0 \\
        LD_PRELOAD=$T/none.so LD_LIBRARY_PATH=$T/modules LD_BIND_NOW=1 GCONV_PATH=$T/modules \\
        LOCPATH=$T/modules NLSPATH=$T/fifo LANG=xx_YY.UTF-8 LC_ALL=xx_YY G_DEBUG=fatal-warnings \\
        MALLOC_PERTURB_=85 MALLOC_ARENA_MAX=1 GLIBC_TUNABLES=glibc.malloc.tcache_count=0 \\
        "\$@"
X
        chmod 755 "$T/hostile"
        ok "F54 a hostile environment" begin "$T/s54" "$T/hostile"
        ok "F54 a key can be added" ssh-add -q "$T/k"
        ok "F54 and signs" ssh-add -T "$T/k.pub"
        end "$agent"
        # A keeper that only says what its environment is.
        run env TA_KEEPER="$(command -v env)" "$T/hostile" "$TAGENT" -D -a "$T/s54"
        isnt "F54 an agent without its keeper does not start" "$rc" 0
        is "F54 and what it started had no environment" "$out" ""
fi

ok "F57 an agent" begin "$T/s57"
ssh-add -q "$T/k"
kill -s PIPE "$agent"
ok "F57 SIGPIPE is ignored" listed 0
if [ $stock = no ]; then
        kill -s USR1 "$agent"
        ok "F57 SIGUSR1 drops the keys" wait_for listed 1
        ok "F57 and nothing else" alive "$agent"
fi
for signal in TERM HUP INT; do
        if ! alive "$agent"; then begin "$T/s57"; fi
        kill -s $signal "$agent"
        # A shell's background process ignores SIGINT from birth; ssh-agent sets its own handler.
        ok "F57 SIG$signal ends it" wait_for gone "$agent"
        ok "F57 SIG$signal takes the socket along" not test -e "$T/s57"
done

if [ $stock = no ]; then
        before=$(ls "$XDG_RUNTIME_DIR/tagent" 2>/dev/null)
        rc=0
        "$TAGENT" -s >&- 2>"$T/err58" || rc=$?
        isnt "F58 stdout closed: status" "$rc" 0
        ok "F58 no agent is left" not test -S "$XDG_RUNTIME_DIR/tagent/agent.sock"
        rc=0
        "$TAGENT" -s >/dev/full 2>"$T/err58" || rc=$?
        isnt "F58 stdout full: status" "$rc" 0
        ok "F58 no agent is left then" not test -S "$XDG_RUNTIME_DIR/tagent/agent.sock"
        SSH_AUTH_SOCK=$XDG_RUNTIME_DIR/tagent/agent.sock
        ok "F58 nobody answers" listed 2
fi

p=$T/s60
"$TAGENT" -D -a "$p" >"$T/one" 2>&1 &
one=$!
"$TAGENT" -D -a "$p" >"$T/two" 2>&1 &
two=$!
record $one $two
SSH_AUTH_SOCK=$p
ok "F60 two at once: one answers" wait_for listed 1
# shellcheck disable=SC2317 # called by wait_for
one_left() { [ "$(alive $one && echo x)$(alive $two && echo x)" = x ]; }
ok "F60 the other has ended" wait_for one_left
ok "F60 and the first still answers" listed 1
end $one
end $two

# --- lifetimes ---------------------------------------------------------------------------------

SSH_AUTH_SOCK=$T/st
spawn "$TAGENT" -D -a "$SSH_AUTH_SOCK" -t 1 >"$T/fg.log" 2>&1
wait_for listed 1
ssh-add -q "$T/k"
ok "-t: the key is there" listed 0
ok "-t: and goes" wait_for listed 1
ssh-add -q -t 30 "$T/k"
ok "-t: a key's own lifetime wins" not wait_for -t 2 listed 1
done_testing
