#!/bin/sh
# SPDX-License-Identifier: ISC
# What root finds of keys in the agent's processes, in their registers and in their core files, when
# they have signed and while they sign: nothing. The same scan of other agents finds their keys.
#
# TA_LONG=1: 10,000 signatures with each key and 1,000 stops of each process, instead of a few.
# shellcheck disable=SC2317 # functions that ok and wait_for call
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
need ssh-add ssh-agent ssh-keygen gcore python3
under_test "$TAGENT" "$TADD"
hidden_memory || skip_all "no memory can be hidden here"
scan=$TA_BUILDDIR/tests/support/memscan
needles=$TA_SRCDIR/tests/support/needles.py
passphrase='correct horse battery staple'
signatures=40 stops=20
if [ -n "${TA_LONG-}" ]; then signatures=10000 stops=1000; fi
kinds='ed25519 ecdsa-256 ecdsa-384 ecdsa-521 rsa-2048 rsa-3072 rsa-4096'

# --- keys --------------------------------------------------------------------------------------

# Each twice: as it is, for needles and other agents, and under a passphrase, for ours.
makers=
for kind in $kinds; do
        {
                case $kind in *-*) bits=${kind#*-} ;; *) bits=256 ;; esac # which Ed25519 ignores
                ssh-keygen -q -t "${kind%-*}" -b "$bits" -N '' -C "$kind" -f "$T/$kind"
                cp "$T/$kind" "$T/locked-$kind"
                ssh-keygen -q -p -a 1 -N "$passphrase" -f "$T/locked-$kind"
        } >"$T/made-$kind" 2>&1 &
        makers="$makers $!"
done
# shellcheck disable=SC2086 # ids
wait $makers
files='' locked=''
for kind in $kinds; do
        ok "a key: $kind" test -s "$T/locked-$kind"
        files="$files $T/$kind"
        locked="$locked $T/locked-$kind"
done
askpass_says "$passphrase"

# sign_all: every key signs, and $T/needles is what must not be seen now.
sign_all() {
        # shellcheck disable=SC2086 # names without blanks
        /usr/bin/python3 "$needles" needles "$SSH_AUTH_SOCK" "${1:-$signatures}" "$T/needles" \
                "$passphrase" ${2:-$files}
}

under_load() { # COMMAND...: meanwhile two clients sign with all keys
        # shellcheck disable=SC2086 # names without blanks
        spawn /usr/bin/python3 "$needles" load "$SSH_AUTH_SOCK" $files
        one=$pid
        # shellcheck disable=SC2086
        spawn /usr/bin/python3 "$needles" load "$SSH_AUTH_SOCK" $files
        "$@"
        # shellcheck disable=SC2320 # the status of "$@"
        load_status=$?
        alive "$one" && alive "$pid" || load_status=9
        end "$one"
        end "$pid"
        return "$load_status"
}

# found COMMAND...: the scan worked, and found something. A scan that fails is not a find.
found() {
        "$@" && return 1
        test $? = 1
}

# --- ours --------------------------------------------------------------------------------------

ok "an agent" start_agent
ok "has a launcher, a warden and keepers" roles_of "$agent_pid"
if [ -z "${keepers-}" ]; then done_testing; fi
everybody="$agent_pid $launcher $warden $keepers"
# shellcheck disable=SC2086 # names without blanks, and ids
clean_after() { # HOW COMMAND...
        how=$1
        shift
        ok "$how: the keys are added" "$@" $locked
        ok "$how: all sign" sign_all
        for pid in $everybody; do
                ok "$how: nothing in $(cat "/proc/$pid/comm")" "$scan" "$T/needles" "$pid"
        done
}
clean_after ssh-add ssh-add -q
ok "all are dropped" ssh-add -q -D
clean_after tadd "$TADD" -q

for pid in $keepers; do
        ok "a keeper shows no byte that it can write" "$scan" -x "$pid"
        ok "nothing at $stops stops of a keeper under load" under_load \
                "$scan" -s $stops "$T/needles" "$pid"
done

# The front and what it starts can be looked into by root; there is nothing to be seen.
for pid in $agent_pid $warden; do
        name=$(cat "/proc/$pid/comm")
        ok "$name: a core file is made" gcore -o "$T/core" "$pid"
        ok "$name: nothing in it" "$scan" -f "$T/needles" "$T/core.$pid"
        rm -f "$T/core.$pid"
done

# While clients add keys, whose messages pass by.
adding() {
        while :; do
                ssh-add -q "$T/rsa-2048" "$T/ecdsa-256" "$T/ed25519" || return
                ssh-add -q -D || return
        done
}
adding 2>"$T/adding" &
adder=$!
record $adder
ok "nothing at $stops stops of the front while keys are added" \
        "$scan" -s $stops "$T/needles" "$agent_pid"
ok "which went on" alive $adder
end $adder

# A passphrase that locks is a secret too: the one of the keys, so that it is among the needles.
ssh-add -q -D
ok "lock" ssh-add -q -x
ok "unlock" ssh-add -q -X
for pid in $everybody; do
        ok "lock: nothing in $(cat "/proc/$pid/comm")" "$scan" "$T/needles" "$pid"
done
end "$agent_pid"

# --- controls ----------------------------------------------------------------------------------

spawn "$scan" -c "$(sed -n 's/^canary raw //p' "$T/needles")" >"$T/canary.out"
wait_for test -s "$T/canary.out"
ok "control: a core file of an ordinary process" gcore -o "$T/core" "$pid"
run "$scan" -f "$T/needles" "$T/core.$pid"
like "control: has what is in the process" "$out" 'canary found'
end "$pid"

SSH_AUTH_SOCK=$T/stock.sock
spawn ssh-agent -D -a "$SSH_AUTH_SOCK" >"$T/stock.log" 2>&1
stock=$pid
wait_for test -S "$SSH_AUTH_SOCK"
# shellcheck disable=SC2086 # names without blanks
ok "control: ssh-agent takes the keys" ssh-add -q $files
ok "control: and signs" sign_all 1
ok "control: it shows keys when it is stopped under load" \
        found under_load "$scan" -s 20 "$T/needles" "$stock"
end "$stock"

if have gpg-agent && have gpg-connect-agent; then
        GNUPGHOME=$T/gnupg
        export GNUPGHOME
        mkdir -m 700 "$GNUPGHOME"
        cat >"$T/pinentry" <<'X'
#!/bin/sh
echo OK
while read -r word _; do
        case $word in GETPIN) echo 'D correct horse battery staple' ;; esac
        echo OK
        if [ "$word" = BYE ]; then exit; fi
done
X
        chmod 755 "$T/pinentry"
        gpg-agent --daemon --enable-ssh-support --s2k-count 65536 --pinentry-program "$T/pinentry" \
                >"$T/gpg.log" 2>&1
        gpg=$(gpg-connect-agent 'GETINFO pid' /bye | sed -n 's/^D //p')
        record "$gpg"
        SSH_AUTH_SOCK=$(gpgconf --list-dirs agent-ssh-socket)
        ok "control: gpg-agent takes a key" ssh-add -q "$T/rsa-3072"
        ok "control: and signs" sign_all 2 "$T/rsa-3072"
        ok "control: it shows keys when it is idle" found "$scan" "$T/needles" "$gpg"
        end "$gpg"
else
        skip "control: gpg-agent" "gpg-agent is not installed"
fi
done_testing
