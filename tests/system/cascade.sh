#!/bin/sh
# SPDX-License-Identifier: ISC
# One passphrase, three hosts: the agent is carried from host to host (-A), and jumped past (-J).
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh
under_test "$TAGENT" "$TADD" "$TKEYGEN"

ok "an agent starts" start_agent
for host in a:11 b:12 c:13; do
        ok "sshd of ${host%:*} starts" start_sshd "${host%:*}" "127.0.0.${host#*:}"
done
askpass_says "correct horse"
ok "a key is made" "$TKEYGEN" -q -t ed25519 -N "correct horse" -a 4 -C cascade -f "$T/k"
cp "$T/k.pub" "$T/authorized_keys"
ok "the passphrase is asked for once" "$TADD" -q "$T/k"
askpass_never

s=$T/s
run "$s" a "echo one"
is "one host" "$out" one
run "$s" -A a "$s b 'echo two'"
is "two hosts" "$out" two
run "$s" -A a "$s -A b '$s c \"echo three\"'"
is "three hosts" "$out" three
run "$s" -J a,b c "echo jump"
is "a jump over two" "$out" jump
run "$s" -A a "$TADD -l"
like "the first host sees the key" "$out" "cascade"
ok "without -A the second host is closed" not "$s" a "$s b true"
ok "without -A on the way the third is closed" not "$s" -A a "$s b '$s c true'"
is "nothing was asked" "$(cat "$T/asked")" ""

ok "the key is removed" "$TADD" -q -D
ok "and every door is closed" not "$s" a true
done_testing
