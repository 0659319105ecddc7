#!/bin/sh
# SPDX-License-Identifier: ISC
# Ten batch-mode logins to a real sshd with each key type from each private key file format that has
# it, and ten with a certificate of each type. Each file has a passphrase, which is asked for once,
# when the key is added. The table at the end is what sshd says it accepted.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh ssh-keygen
under_test "$TAGENT" "$TADD" "$TKEYGEN"
cd "$T" || exit 99

ok "an agent starts" start_agent
ok "sshd starts" start_sshd a 127.0.0.11
echo "  KexAlgorithms curve25519-sha256" >>ssh_config # the client's default costs more than the rest
askpass_says "correct horse"
ssh-keygen -q -t ed25519 -N '' -C ca -f ca
ok "nobody enters without a key" not ./s a true

# shellcheck disable=SC2317 # called by name
logins() { # N: at the same time
        rm -f login.*
        for i in $(seq "$1"); do
                ./s a "echo entered" >"login.$i" 2>"login-err.$i" &
                jobs="$jobs $!"
        done
        # shellcheck disable=SC2086 # a list of ids
        wait $jobs
        jobs=
        entered=$(cat login.* | grep -cx entered)
        [ "$entered" = "$1" ] || { echo "$entered of $1 entered"; cat login-err.*; return 1; }
}

# accepted SHOWN FINGERPRINT: how often sshd let such a key in.
accepted() {
        grep -c "Accepted publickey for .* ssh2: $1 $2" sshd-a.log
}

for key in ed25519:256 ecdsa:256 ecdsa:384 ecdsa:521 rsa:2048 rsa:3072; do
        type=${key%:*} bits=${key#*:}
        name=$type-$bits
        case $type in ed25519) formats="RFC4716 PKCS8" ;; *) formats="RFC4716 PEM PKCS8" ;; esac
        wanted=0
        ok "$name: made" "$TKEYGEN" -q -t "$type" -b "$bits" -a 1 -N "correct horse" -C "$name" \
                -f "$name"
        ssh-keygen -q -s ca -I "$name" -n "$(id -un)" "$name.pub" 2>/dev/null
        for kind in key certificate; do
                if [ $kind = key ]; then
                        option=-k
                        cat "$name.pub" >authorized_keys
                else
                        option=-C formats=RFC4716
                        echo "cert-authority $(cat ca.pub)" >authorized_keys
                fi
                for format in $formats; do
                        f=$name.$format
                        if [ $kind = key ]; then
                                cp "$name" "$f"
                                cp "$name-cert.pub" "$f-cert.pub"
                                "$TKEYGEN" -p -m "$format" -a 1 -P "correct horse" \
                                        -N "correct horse" -f "$f" >/dev/null
                        fi
                        "$TADD" -q -D
                        run "$TADD" -q $option "$f"
                        if [ "$rc" != 0 ]; then fail "$name $format: $kind added" "$err"; continue; fi
                        ok "$name $format: ten logins with the $kind" logins 10
                        wanted=$((wanted + 10))
                done
        done
        shown=$(echo "$type" | tr '[:lower:]' '[:upper:]')
        fp=$(ssh-keygen -l -f "$name.pub" | cut -d' ' -f2)
        n=$(accepted "$shown" "$fp") n_cert=$(accepted "$shown-CERT" "$fp")
        is "$name: accepted as key and as certificate" "$n $n_cert" "$((wanted - 10)) 10"
        printf '%-12s %8s %12s\n' "$name" "$n" "$n_cert" >>table
done
"$TADD" -q -D
ok "nobody enters after the last key is gone" not ./s a true
diag "$(printf '%-12s %8s %12s\n' accepted: key certificate)"
diag "$(cat table)"
done_testing
