#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The main job, end to end, shown and verified: tkeygen makes a passphrase-protected key, tagent
# holds it, tadd asks for the passphrase once, and then logins to real servers, in a cascade too,
# ask nothing. Everything happens below a temporary HOME with two sshd of our own on loopback.
# Nothing stays behind.
#
#   demo.sh BUILDDIR [--unattended]
#
# On a terminal the person types the passphrase; without one, with --unattended, or after a
# minute of silence, a prepared answer is given through SSH_ASKPASS.

set -u
[ $# -ge 1 ] || { echo "usage: demo.sh BUILDDIR [--unattended]" >&2; exit 1; }
build=$(cd "$1" && pwd -P) || exit 1
unattended=
[ "${2-}" = --unattended ] && unattended=yes

passphrase='three blue boats'
patience=60                             # seconds for a person to begin typing
pids=
made_privsep=
dir=

# A process that has ended but was not yet collected by its parent counts as gone.
alive() {
        kill -0 "$1" 2>/dev/null || return 1
        ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

stop() {
        # $1: a process we started. Asked first, made to second.
        kill "$1" 2>/dev/null || return 0
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
                alive "$1" || return 0
                sleep 0.1
        done
        kill -9 "$1" 2>/dev/null
}

tidy() {
        trap '' HUP INT TERM
        for pid in $pids; do stop "$pid"; done
        [ -n "${SSH_AGENT_PID-}" ] && stop "$SSH_AGENT_PID"
        cd /
        [ -n "$made_privsep" ] && rmdir /run/sshd 2>/dev/null
        [ -n "$dir" ] && rm -rf "$dir"
}

fail() {
        printf '\nThe demonstration failed: %s\n' "$1" >&2
        shift
        for line in "$@"; do printf '  %s\n' "$line" >&2; done
        for name in a b; do
                [ -s "$dir/sshd_$name.log" ] || continue
                printf '  Last words of the server "%s":\n' $name >&2
                tail -n 5 "$dir/sshd_$name.log" | sed 's/^/    /' >&2
        done
        exit 1
}

# ---------------------------------------------------------------- what the demonstration needs

for program in tagent tadd tkeygen; do
        [ -x "$build/$program" ] || fail "$build/$program is not there." \
                "Build first: ./quickstart does."
done
PATH=$build:$PATH:/usr/sbin:/sbin
sshd=$(command -v sshd) || fail 'there is no sshd on this machine.' \
        'Debian: apt-get install openssh-server'
command -v ssh >/dev/null || fail 'there is no ssh on this machine.' \
        'Debian: apt-get install openssh-client'
shell=$(getent passwd "$(id -u)" | cut -d: -f7)
case $shell in
'') [ -n "$(getent passwd "$(id -u)")" ] || fail "user id $(id -u) has no entry in the password database." \
        'ssh and sshd insist on one; run this as a user that has.' ;;
*/nologin | */false) fail "the login shell of $(id -un) is $shell, so nobody can log in as $(id -un)." \
        'Run this as a user with a shell.' ;;
esac

# A socket's path has at most 107 bytes.
base=${TMPDIR:-/tmp}
[ ${#base} -le 50 ] || base=/tmp
dir=$(mktemp -d "$base/tagent-demo.XXXXXX") || exit 1
trap tidy EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

unset SSH_AUTH_SOCK SSH_AGENT_PID SSH_ASKPASS SSH_ASKPASS_REQUIRE SSH_CONNECTION DISPLAY WAYLAND_DISPLAY
HOME=$dir XDG_RUNTIME_DIR=$dir/run TMPDIR=$dir/tmp TA_KEEPER=$build/tagent-keeper
SHELL=/bin/sh
export PATH HOME XDG_RUNTIME_DIR TMPDIR TA_KEEPER SHELL
unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_DATA_HOME
mkdir -m 700 "$dir/run" "$dir/tmp" "$dir/.ssh"
cd "$dir" || exit 1

# Prints a command as a person would type it, runs it in this shell, shows what it says.
# The output stays in $dir/out for the check that follows.
run() {
        printf '\n  $ %s\n' "$1"
        eval "$1" >"$dir/out" 2>&1 </dev/null
        status=$?
        sed 's/^/      /' "$dir/out"
        return $status
}

ok() { printf '      ok: %s\n' "$1"; }

# ---------------------------------------------------------------- two servers

# Root's sshd wants its empty folder; a server that never ran has none.
if [ "$(id -u)" = 0 ] && [ ! -d /run/sshd ]; then
        mkdir -m 755 /run/sshd && made_privsep=yes
fi
# Without PAM, sshd refuses an account whose password field begins with '!'.
pam=no
if [ "$(id -u)" = 0 ]; then
        case $(getent shadow "$(id -un)" | cut -d: -f2) in '!'*) pam=yes ;; esac
fi

start_server() {
        name=$1
        tkeygen -q -t ed25519 -N '' -C "host $name" -f "$dir/host_$name" >"$dir/out" 2>&1 </dev/null ||
                fail "tkeygen could not make a host key: $(cat "$dir/out")"
        tries=0
        while :; do
                port=$(($(od -An -N2 -tu2 /dev/urandom) % 20000 + 30000))
                cat >"$dir/sshd_$name.conf" <<END
ListenAddress 127.0.0.1
Port $port
HostKey $dir/host_$name
PidFile none
AuthorizedKeysFile $dir/.ssh/authorized_keys
StrictModes no
UsePAM $pam
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitUserRC no
PrintMotd no
UseDNS no
LogLevel VERBOSE
SetEnv HOME=$dir SERVER=$name
END
                "$sshd" -D -e -f "$dir/sshd_$name.conf" 2>"$dir/sshd_$name.log" &
                pid=$!
                pids="$pids $pid"
                for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
                        grep -q 'Server listening' "$dir/sshd_$name.log" && break
                        alive "$pid" || break
                        sleep 0.1
                done
                grep -q 'Server listening' "$dir/sshd_$name.log" && break
                tries=$((tries + 1))            # most likely the port was taken
                [ $tries -lt 5 ] || fail "sshd does not start on loopback." "Its configuration: $dir/sshd_$name.conf"
        done
        read -r type blob _ <"$dir/host_$name.pub"
        printf '[127.0.0.1]:%s %s %s\n' "$port" "$type" "$blob" >>"$dir/.ssh/known_hosts"
        printf 'Host %s\n    HostName 127.0.0.1\n    Port %s\n' "$name" "$port" >>"$dir/.ssh/config"
}

printf '  A temporary home, %s, with two servers "a" and "b" on loopback.\n' "$dir"
start_server a
start_server b
# ssh must not look for keys in files, nor ask anything: what works below works by the agent.
cat >>"$dir/.ssh/config" <<END
Host *
    UserKnownHostsFile $dir/.ssh/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    IdentityFile none
    BatchMode yes
    LogLevel ERROR
END
chmod 600 "$dir/.ssh/config"

# ---------------------------------------------------------------- the steps

printf '\n1. A key with a passphrase. (-N only because this one lives for a minute: tkeygen asks otherwise.)\n'
run "tkeygen -t ed25519 -C demo -N '$passphrase' -f ~/.ssh/id_ed25519" ||
        fail 'tkeygen did not make a key.'
if [ ! -s .ssh/id_ed25519 ] || [ ! -s .ssh/id_ed25519.pub ]; then fail 'tkeygen left no key files.'; fi
[ "$(stat -c %a .ssh/id_ed25519)" = 600 ] || fail 'the private key file can be read by others.'
if tkeygen -y -P '' -f .ssh/id_ed25519 >/dev/null 2>&1 </dev/null; then
        fail 'the private key file opens without its passphrase.'
fi
cp .ssh/id_ed25519.pub .ssh/authorized_keys
ok 'the file is encrypted; its public half is now in authorized_keys of both servers'

printf '\n2. The agent. The second call finds the first one.\n'
# shellcheck disable=SC2016
run 'eval "$(tagent)"' || fail 'tagent did not start.'
[ -S "${SSH_AUTH_SOCK-}" ] || fail "tagent started, but SSH_AUTH_SOCK (${SSH_AUTH_SOCK-unset}) is no socket."
first=$SSH_AUTH_SOCK
# shellcheck disable=SC2016
run 'eval "$(tagent)"' || fail 'tagent did not find the running agent.'
[ "$SSH_AUTH_SOCK" = "$first" ] || fail "a second agent was started at $SSH_AUTH_SOCK."
ok "one agent, at $SSH_AUTH_SOCK"

printf '\n3. The passphrase, once.\n'
prepared_answer() {
        printf '#!/bin/sh\necho "%s"\n' "$passphrase" >"$dir/askpass"
        chmod 700 "$dir/askpass"
        printf '  (no one at the terminal: the answer comes from a prepared SSH_ASKPASS program)\n'
        SSH_ASKPASS=$dir/askpass SSH_ASKPASS_REQUIRE=force
        export SSH_ASKPASS SSH_ASKPASS_REQUIRE
        run 'tadd ~/.ssh/id_ed25519' || fail 'tadd did not add the key.'
        unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
}
if [ -z "$unattended" ] && [ -t 0 ] && [ -t 1 ]; then
        printf '  Type: %s\n\n  $ tadd ~/.ssh/id_ed25519\n' "$passphrase"
        terminal=$(stty -g)
        timeout --foreground $patience tadd ~/.ssh/id_ed25519
        status=$?
        stty "$terminal"
        if [ $status = 124 ]; then
                echo
                prepared_answer
        elif [ $status != 0 ]; then
                fail 'tadd did not add the key.' "The passphrase of this demonstration is: $passphrase"
        fi
else
        prepared_answer
fi
run 'tadd -l' || fail 'the agent holds no key.'
ok 'from here on nothing can ask: ssh runs in BatchMode and knows no key file'

printf '\n4. Three logins.\n'
n=0
for host in a b a; do
        # shellcheck disable=SC2016
        run "ssh -F ~/.ssh/config $host 'echo \"hello from \$SERVER\"'" ||
                fail "the login to $host did not work."
        grep -qx "hello from $host" "$dir/out" || fail "the login to $host said something else."
        n=$((n + 1))
done
ok "$n logins, no question"

printf '\n5. A cascade: from here to a, and from a to b, with the agent forwarded.\n'
run "ssh -F ~/.ssh/config -A a 'echo \"on \$SERVER\"; ssh -F ~/.ssh/config b \"echo on \\\$SERVER\"'" ||
        fail 'the cascade did not work.'
[ "$(cat "$dir/out")" = 'on a
on b' ] || fail 'the cascade did not reach b through a.'
ok 'the key never left this machine; a only passed the request on'

printf '\n6. The end.\n'
agent=$SSH_AGENT_PID
# shellcheck disable=SC2016
run 'eval "$(tagent -k)"' || fail 'tagent -k did not end the agent.'
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        alive "$agent" || [ -e "$first" ] || break
        sleep 0.1
done
if alive "$agent"; then fail "the agent, process $agent, is still there."; fi
[ ! -e "$first" ] || fail "the agent left its socket $first."
unset SSH_AGENT_PID
ok 'agent, keys and socket are gone; so are the servers and the temporary home'
