#!/bin/sh
# SPDX-License-Identifier: ISC
# What root finds of keys and passphrases in tadd, tkeygen and the unlocker: while they have them, while they work
# on them, and when they end, in whatever way. At level 3 nothing at any time; where no memory can be
# hidden, nothing at the end. The same looks at ssh-add and ssh-keygen find theirs. CVE-2016-0777.
#
# TA_LONG=1: 1,000 stops of each tool, instead of a few.
# shellcheck disable=SC2317 # functions that ok and wait_for call
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
need ssh-add ssh-keygen gcore python3
under_test "$TAGENT" "$TADD" "$TKEYGEN"
hidden_memory || skip_all "no memory can be hidden here"
scan=$TA_BUILDDIR/tests/support/memscan
without=$TA_BUILDDIR/tests/support/without
needles=$TA_SRCDIR/tests/support/needles.py
passphrase='correct horse battery staple'
stops=20
if [ -n "${TA_LONG-}" ]; then stops=1000; fi
cd "$T" || exit 99

bits() { # KIND: the fewest that are still used, since time goes by; Ed25519 ignores it
        case $1 in rsa) echo 2048 ;; *) echo 256 ;; esac
}

ok "an agent" start_agent
for kind in ed25519 ecdsa rsa; do
        {
                ssh-keygen -q -t $kind -b "$(bits $kind)" -N '' -C $kind -f $kind
                cp $kind locked-$kind
                ssh-keygen -q -p -a 24 -N "$passphrase" -f locked-$kind
        } >"made-$kind" 2>&1
        ok "a key: $kind" test -s locked-$kind
done
make_needles() { # KEYFILE...
        /usr/bin/python3 "$needles" needles "$SSH_AUTH_SOCK" 0 "$T/needles" "$passphrase" "$@"
}
ok "needles" make_needles ed25519 ecdsa rsa

# The passphrase; but at the second question first what $T/later says, with the id of who asks as $1.
cat >askpass <<X
#!/bin/sh
if [ -e "$T/asked" ] && [ -e "$T/later" ]; then
        set -- "\$PPID"
        . "$T/later"
fi
: >"$T/asked"
echo "$passphrase"
X
chmod 700 askpass
SSH_ASKPASS=$T/askpass
SSH_ASKPASS_REQUIRE=force
export SSH_ASKPASS SSH_ASKPASS_REQUIRE

# The unlocker, as the launcher starts it.
echo "$passphrase" >passphrase
cat >unlock <<'X'
#!/bin/sh
rm -f key report
mkfifo key report
cat key >key.got &
cat report >report.got &
exec "$TA_UNLOCKER" k <locked-rsa 3<passphrase 4>key >report
X
chmod 700 unlock

fresh() {
        rm -f asked later
        cp locked-ed25519 locked
}

# ends NAME HOW COMMAND...: the last line that the scan prints begins so.
ends() {
        ends_name=$1 ends_how=$2
        shift 2
        rm -f asked
        run "$scan" -e needles "$@"
        like "$ends_name" "$(printf '%s\n' "$out" | tail -n 4)" "^end: $ends_how\$"
}

# typed NAME HOW COMMAND... <<X: the same on a terminal, with a conversation.
typed() {
        typed_name=$1 typed_how=$2
        shift 2
        run env SSH_ASKPASS_REQUIRE=never /usr/bin/python3 "$TA_SRCDIR/tests/support/terminal.py" \
                "$scan" -e needles "$@"
        like "$typed_name" "$out" "^end: $typed_how\$"
        unlike "$typed_name: the terminal echoes" "$out" 'echo off'
}

# --- whoever ends ------------------------------------------------------------------------------

# left HOW: what a program that ends so leaves of a secret, where no memory is hidden.
secret=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
{ head -n 1 needles; echo "secret raw $secret"; } >one-needle
left() {
        "$without" memfd_secret "$scan" -e one-needle "$TA_BUILDDIR/tests/support/leaver" "$1" "$secret"
}
for how in exit return; do
        like "who ends by $how leaves nothing" "$(left $how)" '^end: 0 whole, 0 pieces, .*, status 3$'
done
like "nor who ends by a signal" "$(left signal)" '^end: 0 whole, 0 pieces, .*, signal 15$'
like "control: who was not told to leaves it" "$(left open)" '^end: 1 whole, 1 pieces, .*, status 3$'

# --- at the end --------------------------------------------------------------------------------

clean_ends() { # LEVEL EXPOSED [PREFIX...]
        level=$1 clean="0 whole, 0 pieces, $2 KiB exposed"
        shift 2
        fresh
        ends "$level: tadd, asked by a program" "$clean, status 0" \
                "$@" "$TADD" -q locked-ed25519 locked-ecdsa locked-rsa
        ends "$level: tadd, keys without a passphrase" "$clean, status 0" \
                "$@" "$TADD" -q ed25519 ecdsa rsa
        ends "$level: tadd -x" "$clean, status 0" "$@" "$TADD" -x
        ends "$level: tadd -X" "$clean, status 0" "$@" "$TADD" -X
        ends "$level: tadd -d of a private file" "$clean, status 0" "$@" "$TADD" -q -d ed25519
        typed "$level: tadd on a terminal" "$clean, status 0" "$@" "$TADD" -q locked-rsa <<X
wait Enter passphrase for
type $passphrase
X
        ends "$level: tkeygen -y" "$clean, status 0" "$@" "$TKEYGEN" -y -f locked-rsa
        ends "$level: tkeygen -l of a private file" "$clean, status 0" "$@" "$TKEYGEN" -l -f rsa
        ends "$level: tkeygen -y -P" "$clean, status 0" \
                "$@" "$TKEYGEN" -y -P "$passphrase" -f locked-ecdsa
        ends "$level: tkeygen -p" "$clean, status 0" "$@" "$TKEYGEN" -p -a 1 -f locked
        ends "$level: tkeygen -p to none" "$clean, status 0" "$@" "$TKEYGEN" -p -N '' -f locked
        cp locked-ecdsa locked
        typed "$level: tkeygen -p on a terminal" "$clean, status 0" \
                "$@" "$TKEYGEN" -p -m PEM -f locked <<X
wait Enter old passphrase:
type $passphrase
wait Enter new passphrase
type $passphrase
wait again:
type $passphrase
X
        # Of a new key nobody knows what to look for before it is in its file.
        for kind in ed25519 ecdsa rsa; do
                rm -f new new.pub asked new-needles
                cat >maker <<X
cp new plain && ssh-keygen -q -p -P '$passphrase' -N '' -f plain >made &&
/usr/bin/python3 '$needles' needles '$SSH_AUTH_SOCK' 0 new-needles '$passphrase' plain
X
                run "$scan" -n 'sh ./maker' -e new-needles "$@" "$TKEYGEN" -q -a 1 -t $kind \
                        -b "$(bits $kind)" -f new
                like "$level: tkeygen makes a key: $kind" "$out" "^end: $clean, status 0\$"
        done

        ends "$level: the unlocker" "$clean, status 0" "$@" ./unlock
        ok "$level: ... which has unlocked the key" wait_for test -s key.got

        # Ways out that were not meant.
        for signal in HUP INT TERM; do
                fresh
                echo "kill -s $signal \$1" >later
                ends "$level: SIG$signal at the second question" \
                        "$clean, signal $(env kill -l $signal)" \
                        "$@" env --default-signal="$signal" "$TKEYGEN" -p -f locked
                ok "$level: ... the file is as it was" cmp locked locked-ed25519
        done
        fresh
        typed "$level: Ctrl-C at the second question" "$clean, signal 2" \
                "$@" "$TKEYGEN" -p -f locked <<X
wait Enter old passphrase:
type $passphrase
wait Enter new passphrase
key C
X
        echo 'exit 1' >later
        ends "$level: the second question is refused" "$clean, status 1" \
                "$@" "$TKEYGEN" -p -f locked
}
clean_ends "level 3" 0
clean_ends "level 1" '[0-9]+' "$without" memfd_secret
fresh
# shellcheck disable=SC2016 # that shell's own
ends "no room for the file, and the signal that says so" \
        '0 whole, 0 pieces, [0-9]+ KiB exposed, signal 25' \
        sh -c 'ulimit -f 0; exec "$TKEYGEN" -p -a 1 -f locked'

# --- while they work ---------------------------------------------------------------------------

# stopped COMMAND...: until there were enough stops; sums them up.
stopped() {
        stopped=0 hits=0 registers=0
        while [ "$stopped" -lt "$stops" ]; do
                rm -f asked new new.pub
                "$scan" -s "$stops" -e needles "$@" >stops.out 2>&1
                sum=$(sed -n 's/^\([0-9]*\) stops: \([0-9]*\) with hits, \([0-9]*\) in registers.*/\1 \2 \3/p' \
                        stops.out)
                read -r n h r <<X
$sum
X
                [ "${n:-0}" -gt 0 ] || { cat stops.out; return 1; }
                stopped=$((stopped + n)) hits=$((hits + h)) registers=$((registers + r))
        done
        echo "$stopped stops, memory shows secrets at $hits, registers at $registers" >stopped
}
unseen() {
        stopped "$@" && [ "$hits" = 0 ]
}
seen() {
        stopped "$@" && [ "$hits" -gt 0 ]
}
in_work() { # NAME unseen|seen COMMAND...
        ok "$@"
        diag "$(cat stopped)"
}
fresh
in_work "nothing in tadd at random moments" unseen "$TADD" -q locked-ed25519 locked-rsa
in_work "nothing in tadd -x" unseen "$TADD" -x
"$TADD" -X 2>/dev/null
in_work "nothing in tkeygen -p" unseen "$TKEYGEN" -p -a 24 -f locked
in_work "nothing in tkeygen when it makes a key" unseen "$TKEYGEN" -q -a 24 -f new
in_work "nothing in the unlocker" unseen ./unlock
in_work "control: at level 1 it is seen" seen "$without" memfd_secret "$TADD" -q locked-ed25519
in_work "control: ssh-add shows it" seen ssh-add -q locked-ed25519 locked-rsa
in_work "control: ssh-keygen shows it" seen ssh-keygen -q -p -a 24 -f locked

# --- while they wait for a person, with a passphrase and a key in hand ---------------------------

# found COMMAND...: the scan worked, and found something. A scan that fails is not a find.
found() {
        "$@" && return 1
        test $? = 1
}
cat >look <<X
# The stack on which this program was started is given back when who started it runs again.
for try in 1 2 3 4 5 6 7 8 9 10; do
        if "$scan" -x \$1 >exposed 2>&1; then break; fi
done
"$scan" needles \$1 >seen 2>&1
echo \$? >>seen
gcore -o core \$1 >gcore.out 2>&1
mv core.\$1 core
X
look_at() { # COMMAND...
        fresh
        cp look later
        rm -f core exposed seen
        "$@" >look.out 2>&1
        cat look.out gcore.out
        test -s core && test -s seen
}
for tool in "tkeygen -p" "tadd -x"; do
        case $tool in
        tadd*) ok "$tool is looked at" look_at "$TADD" -x ;;
        *) ok "$tool is looked at" look_at "$TKEYGEN" -p -f locked ;;
        esac
        like "$tool: no byte that it can write is shown" "$(cat exposed)" '^t[a-z]* [0-9]*: 0 KiB exposed'
        is "$tool: none of its secrets are seen" "$(tail -n 1 seen)" 0
        ok "$tool: nor are they in a core file" "$scan" -f needles core
done
"$TADD" -X 2>/dev/null

# An agent that does not answer: what was copied last is not left in registers.
fresh
kill -s STOP "$agent_pid"
spawn "$TADD" -x 2>tadd.err
waits() {
        grep -q unix_stream "/proc/$pid/wchan"
}
ok "tadd -x waits for the agent" wait_for waits
ok "none of its secrets are seen, in registers neither" "$scan" needles "$pid"
kill -s CONT "$agent_pid"
wait_for gone "$pid"
"$TADD" -X 2>/dev/null

ok "control: ssh-keygen -p is looked at" look_at ssh-keygen -p -f locked
unlike "control: much is shown" "$(cat exposed)" ' 0 KiB'
is "control: its secrets are seen" "$(tail -n 1 seen)" 1
ok "control: they are in a core file" found "$scan" -f needles core
done_testing
