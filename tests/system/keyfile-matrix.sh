#!/bin/sh
# SPDX-License-Identifier: ISC
# Private key files, to and fro: in each format, with each cipher and for each key type, tkeygen
# writes a file, ssh-keygen reads it and changes its passphrase, and tkeygen reads that. Both must
# print the same public key and fingerprint all the way, and both must refuse a wrong passphrase.
# The table at the end has no empty cell.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh ssh-keygen
under_test "$TKEYGEN"
cd "$T" || exit 99

types="ed25519:256 ecdsa:256 ecdsa:384 ecdsa:521 rsa:2048"
rows="openssh $(ssh -Q cipher) pem pem-sealed pkcs8 pkcs8-sealed"
for key in $types; do
        "$TKEYGEN" -q -t "${key%:*}" -b "${key#*:}" -N '' -C "c" -f "$key" || exit 99
        ssh-keygen -y -f "$key" | cut -d' ' -f1,2 >"$key.y"
        ssh-keygen -l -f "$key.pub" | cut -d' ' -f1,2 >"$key.l"
        cut -d' ' -f1,2 "$key.pub" | cmp -s - "$key.y" || exit 99
done

# reads PROGRAM FILE KEY PASSPHRASE: as the key it is, and with no other passphrase.
reads() {
        [ "$("$1" -y -P "$4" -f "$2" 2>&1 | cut -d' ' -f1,2)" = "$(cat "$3.y")" ] ||
                { echo "${1##*/} -y says: $("$1" -y -P "$4" -f "$2" 2>&1)"; return 1; }
        [ -z "$4" ] || ! "$1" -y -P wrong -f "$2" >/dev/null 2>&1 ||
                { echo "${1##*/} takes a wrong passphrase"; return 1; }
}

# shows PROGRAM FILE KEY: the fingerprint of what can be seen without a passphrase.
shows() {
        [ "$("$1" -l -f "$2" 2>&1 | cut -d' ' -f1,2)" = "$(cat "$3.l")" ] ||
                { echo "${1##*/} -l says: $("$1" -l -f "$2" 2>&1)"; return 1; }
}

# cell ROW KEY: prints what the table says of it, or why it fails.
cell() {
        f=$1.$2
        first='first words' second='second words'
        case $1 in
        openssh) options='' first='' second='' ;;
        pem) options="-m PEM" first='' second='' ;;
        pem-sealed) options="-m PEM" ;;
        pkcs8) options="-m PKCS8" first='' second='' ;;
        pkcs8-sealed) options="-m PKCS8" ;;
        *) options="-Z $1" ;;
        esac
        case $1:$2 in pem*:ed25519*) echo none; return ;; esac
        cp "$2" "$f"
        # shellcheck disable=SC2086 # words
        "$TKEYGEN" -p -a 1 -N "$first" $options -f "$f" >/dev/null || return 1
        reads "$TKEYGEN" "$f" "$2" "$first" || return 1
        # The ssh-keygen that is installed may be too old (9.6) to know Ed25519 in PKCS#8.
        case $1:$2 in
        pkcs8*:ed25519*)
                if ! ssh-keygen -y -P "$first" -f "$f" >/dev/null 2>&1; then
                        openssl pkey -in "$f" -passin "pass:$first" -noout || return 1
                        echo "openssl"
                        return
                fi ;;
        esac
        reads ssh-keygen "$f" "$2" "$first" || return 1
        # shellcheck disable=SC2086
        ssh-keygen -p -a 1 -P "$first" -N "$second" $options -f "$f" >/dev/null || return 1
        reads "$TKEYGEN" "$f" "$2" "$second" || return 1
        case $1 in
        p*-sealed) ;;
        *) shows ssh-keygen "$f" "$2" && shows "$TKEYGEN" "$f" "$2" || return 1 ;;
        esac
        echo both
}

column() { # KEY: all its rows
        for row in $rows; do
                cell "$row" "$1" >"cell.$row.$1" 2>"why.$row.$1" || echo FAIL >>"cell.$row.$1"
        done
}
jobs=
for key in $types; do
        column "$key" &
        jobs="$jobs $!"
done
# shellcheck disable=SC2086 # a list of ids
wait $jobs

# shellcheck disable=SC2086 # words
printf '%-30s %-11s %-9s %-9s %-9s %s\n' '' $types >table
for row in $rows; do
        set --
        for key in $types; do
                said=$(tail -n 1 "cell.$row.$key")
                case $said in
                both | none | openssl) pass "$row $key" ;;
                *) fail "$row $key" "$(cat "cell.$row.$key" "why.$row.$key")" ;;
                esac
                set -- "$@" "${said:-EMPTY}"
        done
        printf '%-30s %-11s %-9s %-9s %-9s %s\n' "$row" "$@" >>table
done
diag "$(cat table)"
diag "both: to ssh-keygen and back; none: the format has no such key;"
diag "openssl: read back by openssl and tkeygen, the ssh-keygen here is too old for it"
is "every cipher that OpenSSH has is a row" "$(grep -c -e '-c[bt][cr]\|-gcm@\|poly1305@' table)" \
        "$(ssh -Q cipher | wc -l)"
unlike "no cell is empty" "$(cat table)" 'EMPTY'
done_testing
