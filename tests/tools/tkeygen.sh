#!/bin/sh
# SPDX-License-Identifier: ISC
# tkeygen's options that print (-l -v -E -B -y -e -i -X -m -P) beside those of ssh-keygen, and what
# it says to options it does not have. What it writes: tkeygen-write.sh.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-keygen setsid
under_test "$TKEYGEN"
. "$TA_SRCDIR/tests/support/beside.sh"

for key in ed25519:256 ecdsa:256 rsa:1024; do
        type=${key%:*}
        ssh-keygen -q -t "$type" -b "${key#*:}" -N '' -C "c of $type" -f "$type"
        cp "$type" "e$type"
        cp "$type.pub" "e$type.pub"
        ssh-keygen -q -p -N secret -a 1 -f "e$type" >/dev/null
done
for type in ecdsa rsa; do
        for format in PEM PKCS8; do
                for f in $type-$format e$type-$format; do
                        cp "$type" "$f"
                        cp "$type.pub" "$f.pub"
                        case $f in e"$type"*) pass=secret ;; *) pass='' ;; esac
                        ssh-keygen -q -p -m $format -N "$pass" -f "$f" >/dev/null
                done
        done
done
cp ersa-PEM alone-PEM
cp rsa alone
cp ersa ealone
cp rsa-PKCS8 alone-PKCS8
chmod 600 alone*
cp rsa loose
chmod 644 loose
ssh-keygen -q -s ed25519 -I 'the id' -n me -V always:forever rsa.pub 2>/dev/null
ssh-keygen -e -f rsa >rfc4716
ssh-keygen -e -m PKCS8 -f ecdsa >spki
ssh-keygen -e -m PEM -f rsa >pkcs1
{
        cat ed25519.pub
        printf '\n# a comment\n   \nno key here\n'
        printf 'h.example,192.0.2.1 %s\n' "$(cut -d' ' -f1,2 rsa.pub)"
        printf 'from="a b",no-pty %s\n' "$(cat ecdsa.pub)"
        printf 'no-pty %s\n' "$(cut -d' ' -f1,2 rsa.pub)"
        printf '|1|bm90IGEgc2FsdA==|bm90IGEgaGFzaA== %s\r\n' "$(cut -d' ' -f1,2 ed25519.pub)"
} >many
: >empty

# --- -l, -v, -E, -B ----------------------------------------------------------------------------

for f in ed25519 eed25519 ed25519.pub rsa-cert.pub many ersa-PEM ecdsa-PKCS8 eecdsa-PKCS8 alone \
        ealone alone-PKCS8 none empty; do
        same -l -f $f
done
for hash in md5 MD5 sha1 sha256 SHA384 sha512; do same -l -v -E $hash -f rsa; done
for type in ed25519 ecdsa rsa; do
        same -lv -f $type.pub
        same -B -f $type.pub
        same -Bv -f $type.pub
done
same -l -E nonesuch -f rsa
run "$TKEYGEN" -l -f - <many
is "-l of standard input" "$out" "$(ssh-keygen -l -f many)"
run "$TKEYGEN" -l -f - <empty
is "-l of nothing: status" "$rc" 255
is "-l of nothing: words" "$err" "(stdin) is not a public key file."
run "$TKEYGEN" -l -f alone-PEM
is "-l of an encrypted PEM file without its .pub: status" "$rc" 255
like "-l of an encrypted PEM file without its .pub: words" "$err" '^alone-PEM is not a key file\.$'
like "and how to see it" "$err" "tkeygen -y -f 'alone-PEM' \| tkeygen -l -f -"
for f in rfc4716 spki pkcs1; do
        run "$TKEYGEN" -l -f $f
        is "-l of $f" "$rc ${out%% *}" "0 $(case $f in spki) echo 256 ;; *) echo 1024 ;; esac)"
done
run "$TKEYGEN" -l -f .
is "-l of a folder" "$rc $err" "255 .: Is a directory"

# --- -y ----------------------------------------------------------------------------------------

for f in ed25519 ecdsa rsa rsa-PEM ecdsa-PEM rsa-PKCS8 ecdsa-PKCS8 none; do same -y -f $f; done
for f in eed25519 eecdsa ersa ersa-PEM eecdsa-PEM ersa-PKCS8 eecdsa-PKCS8; do
        same -y -P secret -f $f
        same -y -P wrong -f $f
done
same -y -P unneeded -f rsa
run "$TKEYGEN" -y -f loose
is "-y of a file that others can read: status" "$rc" 255
like "... the banner" "$err" "UNPROTECTED PRIVATE KEY FILE"
like "... the mode" "$err" "^Permissions 0644 for 'loose' are too open\.$"
like "... how to repair it" "$err" "chmod 600 'loose'"
like "... the last words" "$err" '^Load key "loose": bad permissions$'
run "$TKEYGEN" -y -f rfc4716
is "-y of a public key: status" "$rc" 255

# --- -e, -i, -X --------------------------------------------------------------------------------

for f in ed25519 ecdsa rsa rsa.pub rsa-PEM ersa alone; do same -e -f $f; done
same -e -P secret -f alone-PEM
same -e -P wrong -f alone-PEM
same -e -m RFC4716 -f ecdsa
for format in PEM PKCS8; do
        same -e -m $format -f rsa
        same -e -m $format -f ecdsa.pub
done
same -e -m pkcs8 -f rsa
same -e -m nonesuch -f rsa
same -e -f none
same -i -f rfc4716
same -X -f rfc4716
same -i -m PKCS8 -f spki
same -i -m PEM -f pkcs1
same -i -f none
run "$TKEYGEN" -i -f empty
is "-i of nothing" "$rc $err" "255 empty: no public key in it"
for f in rfc4716 spki pkcs1; do
        case $f in spki) pub=ecdsa.pub ;; *) pub=rsa.pub ;; esac
        run "$TKEYGEN" -i -f $f
        is "-i finds out the format: $f" "$out" "$(cut -d' ' -f1,2 $pub)"
done
run "$TKEYGEN" -e -m PKCS8 -f ed25519
is "-e -m PKCS8 of Ed25519, which ssh-keygen cannot" "$rc" 0
printf '%s\n' "$out" >"$T/ed.spki"
run "$TKEYGEN" -i -f "$T/ed.spki"
is "... and back" "$out" "$(cut -d' ' -f1,2 ed25519.pub)"
run "$TKEYGEN" -e -m PEM -f ed25519
is "-e -m PEM of Ed25519, which nobody can" "$rc $out" "255 "

# --- what it does not know, or not together ----------------------------------------------------

for letter in A g h H k K L Q u U; do
        run "$TKEYGEN" -$letter
        is "-$letter" "$rc $err" "1 tkeygen: -$letter comes in a later version; ssh-keygen does it"
done
for letter in D F I M n O r R s V w Y z; do
        run "$TKEYGEN" -$letter x
        is "-$letter x" "$rc $err" "1 tkeygen: -$letter comes in a later version; ssh-keygen does it"
done
for arg in -! -j --nonesuch -t; do
        run "$TKEYGEN" $arg
        is "tkeygen $arg: status" "$rc" 1
        like "tkeygen $arg: usage" "$err" '^usage: tkeygen'
done
run "$TKEYGEN" -p -y -f rsa
is "two verbs" "$rc $err" "255 tkeygen: -p and -y cannot be combined"
run "$TKEYGEN" -l -f rsa more
is "an operand too much" "$rc $err" "1 tkeygen: too many arguments: more"
run "$TKEYGEN" --help
is "--help: status" "$rc" 0
for letter in t b f C N P a Z m q p y l v E B e i c; do
        like "--help: -$letter" "$out" "^  -${letter}[ ,]"
done
run "$TKEYGEN" --version
like "--version" "$rc $out" '^0 tkeygen \([a-z]+\) [0-9]'
run sh -c '"$TKEYGEN" -l -f many >/dev/full'
is "a full disk behind standard output" "$rc" 255
done_testing
