#!/bin/sh
# SPDX-License-Identifier: ISC
# Key files that other people made: OpenSSH's own test data, that of Python's cryptography and of
# Go's x/crypto. Of each, tkeygen must say what ssh-keygen says: the same public key, or that it
# cannot be read. What may differ is named below and nowhere else.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-keygen python3 setsid
under_test "$TKEYGEN"
cd "$T" || exit 99

openssh=/usr/lib/openssh/regress
cryptography=/usr/lib/python3/dist-packages/cryptography_vectors/asymmetric
go=/usr/share/gocode/src/golang.org/x/crypto/ssh/testdata/keys.go

# take NAME FILE...: copies, since files of a package can be read by everybody.
take() {
        mkdir -p "$1"
        for f; do
                if [ -f "$f" ]; then cp "$f" "$1/${f##*/}"; fi
        done
}
take sshkey "$openssh"/unittests/sshkey/testdata/*
take fuzz "$openssh"/misc/fuzz-harness/testdata/id_*
take regress "$openssh"/*.prv "$openssh"/*_openssh.pub
take OpenSSH "$cryptography"/OpenSSH/*.key "$cryptography"/OpenSSH/*.pub
take PKCS8 "$cryptography"/PKCS8/*.pem "$cryptography"/Ed25519/*.pem
take PEM "$cryptography"/Traditional_OpenSSL_Serialization/*.pem \
        "$cryptography"/PEM_Serialization/*.pem
mkdir go
if [ -e "$go" ]; then
        python3 - "$go" <<'X'
import re, sys
text = open(sys.argv[1]).read()
for n, pem in enumerate(re.findall(r"`(-----BEGIN [^`]*PRIVATE KEY-----[^`]*)`", text)):
    open("go/%d" % n, "w").write(pem.rstrip("\n") + "\n")
for n, line in enumerate(re.findall(r'[`"]((?:ssh|ecdsa|sk)-[^ `"]* [^`"]*)[`"]', text)):
    open("go/%d.pub" % n, "w").write(line)
X
fi
for folder in sshkey:openssh-tests OpenSSH:python3-cryptography-vectors go:golang-golang-x-crypto-dev; do
        if [ -z "$(ls "${folder%:*}")" ]; then skip "${folder%:*}" "${folder#*:} is not installed"; fi
done
find . -path ./home -prune -o -type f -exec chmod 600 {} +

# said PROGRAM FILE PASSPHRASE: the key, or "no".
said() {
        said_key=$(setsid -w "$1" -y -P "$3" -f "$2" 2>"$T/said.err" </dev/null) || said_key=no
        printf '%s\n' "$said_key" | cut -d' ' -f1,2
}

# Each owner has passwords of their own.
passphrases_of() {
        case $1 in
        sshkey/*) cat sshkey/pw ;;
        PKCS8/*) echo 123456 foobar baz password ;;
        PEM/*) echo 123456 a123456 password ;;
        go/*) echo password 'r54-G0pher_t3st$' ;;
        *) echo password ;;
        esac
}
n_read=0
for f in sshkey/* fuzz/* regress/*.prv OpenSSH/*.key PKCS8/*.pem PEM/*.pem go/*; do
        grep -q 'PRIVATE KEY-----' "$f" 2>/dev/null || continue
        for passphrase in '' $(passphrases_of "$f"); do
                stock=$(said ssh-keygen "$f" "$passphrase")
                if ! grep -q 'incorrect passphrase' "$T/said.err"; then break; fi
        done
        ours=$(said "$TKEYGEN" "$f" "$passphrase")
        case $stock:$ours:$(head -n 1 "$f") in
        "$stock:$stock:"*)
                pass "$f" ;;
        ssh-dss*:no:*)
                pass "$f: DSA is gone in 10.5" ;;
        sk-*:no:*)
                pass "$f: security keys are not there yet" ;;
        no:ssh-ed25519*:*"BEGIN PRIVATE KEY"* | no:ssh-ed25519*:*"ENCRYPTED PRIVATE KEY"*)
                pass "$f: read by OpenSSH since 9.6" ;;
        *)
                fail "$f" "ssh-keygen: $stock
tkeygen: $ours $(cat "$T/said.err")" ;;
        esac
        if [ "$ours" != no ]; then n_read=$((n_read + 1)); fi
done
ok "many were read ($n_read)" test "$n_read" -ge 40

for f in sshkey/*.pub fuzz/*.pub regress/*.pub OpenSSH/*.pub go/*.pub; do
        [ -e "$f" ] || continue
        stock=$(ssh-keygen -l -f "$f" 2>&1 | tr -d '\r')
        ours=$("$TKEYGEN" -l -f "$f" 2>&1)
        case $stock in
        *'(DSA)' | *'(DSA-CERT)') is "$f: DSA is gone in 10.5" "$ours" "$f is not a public key file." ;;
        *) is "$f" "$ours" "$stock" ;;
        esac
done

# The fingerprints that lie beside the keys.
for f in sshkey/*.fp; do
        [ -e "$f" ] || continue
        case $f in */dsa*) continue ;; esac
        is "$f" "$("$TKEYGEN" -l -f "${f%.fp}.pub" | cut -d' ' -f2)" "$(cat "$f")"
        if [ -e "$f.bb" ]; then
                is "$f.bb" "$("$TKEYGEN" -B -f "${f%.fp}.pub" | cut -d' ' -f2)" "$(cat "$f.bb")"
        fi
done
done_testing
