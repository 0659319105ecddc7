#!/bin/sh
# SPDX-License-Identifier: ISC
# Ten batch-mode logins to a real sshd for each key type and each private key file format. The key
# has a passphrase, which is asked for once, when the key is added.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh
under_test "$TAGENT" "$TADD" "$TKEYGEN"

ten_logins() {
        rm -f "$T"/login.*
        rig_jobs=
        for i in 0 1 2 3 4 5 6 7 8 9; do
                "$T/s" a "echo entered" >"$T/login.$i" 2>"$T/login-err.$i" &
                rig_jobs="$rig_jobs $!"
        done
        # shellcheck disable=SC2086 # a list of ids
        wait $rig_jobs
        entered=$(cat "$T"/login.[0-9] | grep -cx entered)
        [ "$entered" = 10 ] || { echo "$entered of 10 entered"; cat "$T"/login-err.*; return 1; }
}

ok "an agent starts" start_agent
ok "sshd starts" start_sshd a 127.0.0.11
askpass_says "correct horse"

ok "nobody enters without a key" not "$T/s" a true

for key in ed25519: ecdsa:256 ecdsa:384 ecdsa:521 rsa:2048 rsa:3072; do
        type=${key%:*} bits=${key#*:}
        for format in RFC4716 PEM PKCS8; do
                name="$type${bits:+-$bits} $format"
                f=$T/k-$type-$bits-$format
                run "$TKEYGEN" -q -t "$type" ${bits:+-b "$bits"} -m "$format" -a 4 \
                        -N "correct horse" -C "$name" -f "$f"
                if [ "$rc" != 0 ]; then fail "$name: made" "$err"; continue; fi
                cp "$f.pub" "$T/authorized_keys"
                run "$TADD" -q "$f"
                if [ "$rc" != 0 ]; then fail "$name: added" "$err"; continue; fi
                ok "$name: ten logins" ten_logins
                "$TADD" -q -D
        done
done
ok "nobody enters after the last key is gone" not "$T/s" a true
done_testing
