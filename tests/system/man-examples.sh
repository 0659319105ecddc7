#!/bin/sh
# SPDX-License-Identifier: ISC
# The commands in the EXAMPLES of the pages do what the pages say, typed as they stand there, one
# page after the other as a beginner reads them. Prompts: "$" is sh, "%" csh, ">" fish. The servers
# of the examples are two sshd on loopback.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh mandoc groff fish uptime
under_test "$TAGENT" "$TADD" "$TKEYGEN"

# What a page shows is taken from how it looks, and must look alike in both formatters: typography
# that bends a quote or a hyphen would break the command.
commands() { # FORMATTER...
        plain "$@" | sed -n 's/^  *\([$%>] [a-z].*\)/\1/p'
}
for page in tkeygen tagent tadd; do
        commands mandoc -Tutf8 "$TA_SRCDIR/man/$page.1" >"$T/$page.examples"
        ok "$page.1 has examples" test -s "$T/$page.examples"
        is "$page.1: groff shows the same ones" \
                "$(commands groff -mdoc -Tutf8 -P-c "$TA_SRCDIR/man/$page.1")" "$(cat "$T/$page.examples")"
done

# --- the places ----------------------------------------------------------------------------------

# start_host NAME ADDRESS: its logins find the programs, and ssh, as this script does.
# shellcheck disable=SC2317 # called by ok
start_host() {
        start_sshd "$1" "$2" || return 1
        printf 'SetEnv PATH=%s HOME=%s XDG_RUNTIME_DIR=%s\n' "$PATH" "$HOME" "$XDG_RUNTIME_DIR" \
                >>"$T/sshd-$1.conf"
        rm "$T/sshd-$1.pid"
        kill -s HUP "$pid" # it starts anew under the same id
        wait_for test -s "$T/sshd-$1.pid"
}
mkdir "$T/bin"
ssh=$(command -v ssh)
printf '#!/bin/sh\nexec %s -F %s/ssh_config "$@"\n' "$ssh" "$T" >"$T/bin/ssh"
chmod 755 "$T/bin/ssh"
ln -s "$TAGENT" "$TADD" "$TKEYGEN" "$T/bin"
PATH=$T/bin:$PATH
export PATH
ok "the server login.example.org" start_host login.example.org 127.0.0.14
ok "the server backup.example.org" start_host backup.example.org 127.0.0.15

askpass_says "correct horse"
yes '' | head -n 20 >"$T/enter" # a person who presses Enter
cd "$HOME" || exit 99

# --- the commands --------------------------------------------------------------------------------

agents() { # SSH_AGENT_PID, wherever it comes from
        if [ -n "${SSH_AGENT_PID-}" ]; then record "$SSH_AGENT_PID"; fi
}
# One line of an example; in this shell, so that what it sets stays.
try() { # PAGE LINE
        command=${2#??}
        case $2 in
        "$ ssh-copy-id "*) # asks for a password that nobody here has; this is what it leaves
                cat ~/.ssh/id_ed25519.pub >>~/.ssh/authorized_keys
                cp ~/.ssh/authorized_keys "$T/authorized_keys"
                ;;
        "$ "*)
                ok "$1: $command" eval "$command" <"$T/enter"
                agents
                ;;
        "% "*) if have csh; then ok "$1: csh: $command" csh -f -c "$command"; fi ;;
        "> "*) ok "$1: fish: $command" fish --no-config -c "$command; and test -S \$SSH_AUTH_SOCK" ;;
        esac
}
read_through() { # PAGE
        while read -r line <&4; do
                try "$1" "$line"
        done 4<"$T/$1.examples"
}

read_through tkeygen
ok "tkeygen: the key that Enter gives is there" test -s ~/.ssh/id_ed25519.pub
is "tkeygen: its private half is the owner's alone" "$(stat -c %a ~/.ssh/id_ed25519)" 600
like "tkeygen: the comment is the last one" "$(cat ~/.ssh/id_git.pub)" ' git at home$'
is "tkeygen: the format is OpenSSH's again" "$(head -n 1 ~/.ssh/id_rsa)" \
        "-----BEGIN OPENSSH PRIVATE KEY-----"
read_through tagent
unset SSH_AUTH_SOCK SSH_AGENT_PID
# shellcheck disable=SC2016
ok "tadd: an agent" eval 'eval $(tagent)'
agents
read_through tadd
run tadd -l
is "tadd: all is removed in the end" "$out" "The agent has no identities."
done_testing
