# SPDX-License-Identifier: ISC
#
# rig.sh: the people and places of a login, on top of tap.sh: an agent, keys with passphrases, and
# real sshd processes with their own host keys on loopback addresses. Works as root and as an
# ordinary user. It knows no expectations: those are the scripts'.

: "${STOCK_KEYGEN:=ssh-keygen}"
: "${SSHD:=$(command -v sshd || echo /usr/sbin/sshd)}"

# under_test PROGRAM...: the whole script is skipped where one was not built.
under_test() {
        for rig_prog; do
                command -v "$rig_prog" >/dev/null 2>&1 || skip_all "${rig_prog##*/} is not built"
        done
}

# options_of PROGRAM: every option that its --help shows, one a line.
options_of() {
        "$1" --help | sed -n 's/^  \(-[A-Za-z]\), \(--[a-z-]*\).*/\1\
\2/p
s/^  \(-[A-Za-z]\) .*/\1/p
s/^      \(--[a-z-]*\).*/\1/p'
}

# plain COMMAND...: what a formatter prints for a terminal, without its overstriking.
plain() {
        "$@" | sed "s/.$(printf '\b')//g"
}

# start_agent [OPTION...]: in the foreground of a recorded process, at $T/agent.sock. Sets
# SSH_AUTH_SOCK and agent_pid.
start_agent() {
        SSH_AUTH_SOCK=$T/agent.sock
        export SSH_AUTH_SOCK
        spawn "$TAGENT" -D -a "$SSH_AUTH_SOCK" "$@" >"$T/agent.log" 2>&1
        agent_pid=$pid
        if ! wait_for agent_answers; then
                diag "the agent did not start: $(cat "$T/agent.log")"
                return 1
        fi
}

# Its socket is there before it is: only when it answers does it have all its processes.
agent_answers() {
        ssh-add -l >/dev/null 2>&1
        [ $? -le 1 ]
}

# family_of PID: the processes that it started, and that those started. Their parents come first.
family_of() {
        # shellcheck disable=SC2013 # ids, on one line
        for rig_pid in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
                echo "$rig_pid"
                family_of "$rig_pid"
        done
}

all_gone() { # PID...
        for rig_pid; do
                if alive "$rig_pid"; then return 1; fi
        done
}

# children_of PID: their ids, in one line.
children_of() {
        xargs <"/proc/$1/task/$1/children"
}

# roles_of AGENT: sets launcher, warden and keepers (ids, in one line), and records them.
roles_of() {
        launcher=$(children_of "$1") && warden=$(children_of "$launcher") &&
                keepers=$(children_of "$warden") || return
        # shellcheck disable=SC2086 # ids
        record "$launcher" "$warden" $keepers
        test -n "$keepers"
}

# hidden_memory: whether processes can hide their memory here, and were built to.
hidden_memory() {
        "$TA_BUILDDIR/tests/support/pry" secretmem &&
                not grep -q '^#define TA_SANITIZED' "$TA_BUILDDIR/config.h"
}

# askpass_says TEXT: whoever asks for a passphrase gets this one, without a terminal or display.
askpass_says() {
        printf '#!/bin/sh\nprintf "%%s\\n" "%s"\n' "$1" >"$T/askpass"
        chmod 700 "$T/askpass"
        SSH_ASKPASS=$T/askpass
        SSH_ASKPASS_REQUIRE=force
        export SSH_ASKPASS SSH_ASKPASS_REQUIRE
}

askpass_never() {
        printf '#!/bin/sh\necho "$*" >>"%s/asked"\nexit 1\n' "$T" >"$T/askpass"
        chmod 700 "$T/askpass"
        : >"$T/asked"
}

# start_sshd NAME ADDRESS: afterwards "$T/s NAME command" logs in there, in batch mode, with keys
# of the agent alone. Whose keys are listed in $T/authorized_keys may enter, at every host.
start_sshd() {
        [ -x "$SSHD" ] || skip_all "sshd is not installed"
        rig_pam=no
        if [ "$(id -u)" = 0 ]; then
                [ -d /run/sshd ] || mkdir -m 755 /run/sshd
                # Without PAM sshd takes a '!' in the password field for a locked account.
                if grep -q '^root:!' /etc/shadow; then rig_pam=yes; fi
        fi
        "$STOCK_KEYGEN" -q -t ed25519 -N '' -C "host-$1" -f "$T/hk-$1"
        : >>"$T/authorized_keys"
        for _ in 1 2 3 4 5 6 7 8 9 10; do
                rig_port=$(od -An -N2 -tu2 /dev/urandom)
                rig_port=$((20000 + rig_port % 12000))
                cat >"$T/sshd-$1.conf" <<X
Port $rig_port
ListenAddress $2
HostKey $T/hk-$1
PidFile $T/sshd-$1.pid
AuthorizedKeysFile $T/authorized_keys
StrictModes no
UsePAM $rig_pam
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200
MaxAuthTries 50
LogLevel VERBOSE
X
                rm -f "$T/sshd-$1.pid"
                spawn "$SSHD" -D -f "$T/sshd-$1.conf" -E "$T/sshd-$1.log"
                # The id is written once sshd listens; a taken port ends it instead.
                wait_for sh -c "test -s '$T/sshd-$1.pid' || ! kill -0 $pid"
                if [ -s "$T/sshd-$1.pid" ]; then break; fi
        done
        [ -s "$T/sshd-$1.pid" ] || { diag "$(cat "$T/sshd-$1.log")"; return 1; }

        echo "[$2]:$rig_port $(cut -d' ' -f1,2 "$T/hk-$1.pub")" >>"$T/known_hosts"
        printf 'Host %s\n  HostName %s\n  Port %s\n' "$1" "$2" "$rig_port" >>"$T/hosts"
        {
                cat "$T/hosts"
                printf 'Host *\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile /dev/null\n' \
                        "$T/known_hosts"
                printf '  IdentityFile none\n  BatchMode yes\n  StrictHostKeyChecking yes\n'
                printf '  ConnectTimeout 10\n  LogLevel ERROR\n'
        } >"$T/ssh_config"
        printf '#!/bin/sh\nexec ssh -F %s "$@"\n' "$T/ssh_config" >"$T/s"
        chmod 755 "$T/s"
        chmod 644 "$T/ssh_config" "$T/known_hosts" "$T/authorized_keys"
}
