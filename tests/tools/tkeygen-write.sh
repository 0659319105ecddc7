#!/bin/sh
# SPDX-License-Identifier: ISC
# What tkeygen writes, beside ssh-keygen: new keys (-t -b -C -N -P -f -q -a -Z -m -o), passphrases
# (-p), comments (-c); the questions and their answers where there is no terminal.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-keygen setsid base64
under_test "$TKEYGEN"
. "$TA_SRCDIR/tests/support/beside.sh"

mkdir sub
for key in ed25519:256 rsa:1024; do
        type=${key%:*}
        ssh-keygen -q -t "$type" -b "${key#*:}" -N '' -C "c of $type" -f "$type"
        ssh-keygen -q -t "$type" -b "${key#*:}" -N secret -a 1 -C "c of $type" -f "e$type"
done
for format in PEM PKCS8; do
        ssh-keygen -q -t ecdsa -m $format -N '' -C x -f ecdsa-$format
        ssh-keygen -q -t ecdsa -m $format -N secret -C x -f eecdsa-$format
done

# --- new keys ----------------------------------------------------------------------------------

# What a key was made as: format, size, type, comment, names in the envelope.
made_as() {
        head -n 1 "$1"
        ssh-keygen -l -f "$1.pub" | sed 's/SHA256:[^ ]*//'
        grep -v -e '----' "$1" | base64 -d 2>/dev/null | head -c 70 | tr -c '[:alnum:]@.-' '\n' |
                grep -x -e 'aes[0-9]*-[a-z]*' -e 'chacha.*' -e none -e bcrypt
}
# made ARG...: both make the same.
made() {
        same -q "$@" -C 'the comment' -f new
        made_as "$T/w/new" >"$T/made.ours"
        one ssh-keygen -q "$@" -C 'the comment' -f new >/dev/null
        made_as "$T/w/new" >"$T/made.stock"
        is "made alike: $*" "$(cat "$T/made.ours")" "$(cat "$T/made.stock")"
}
made -t ed25519 -N ''
made -t ED25519 -N secret -a 1
made -t ssh-ed25519 -b 521 -N ''
made -t ecdsa -N ''
made -t ecdsa -b 384 -N ''
made -t ecdsa -b 521 -m PKCS8 -N ''
made -t ecdsa -m PEM -N secret
made -t ecdsa-sha2-nistp384 -N ''
made -t rsa -b 1024 -m PEM -N ''
made -t rsa -b 1024 -m PKCS8 -N secret
made -t ed25519 -o -N secret -a 2 -Z aes128-cbc
made -t ed25519 -N secret -a 1 -Z chacha20-poly1305@openssh.com
made -t ed25519 -P secret -N '' -a 1

# Byte 63 of the body, behind a salt of 16 bytes, has the rounds.
rounds_of() {
        grep -v -e '----' "$1" | base64 -d | tail -c +64 | head -c 4 | od -An -tu1 | tr -s ' '
}
run "$TKEYGEN" -q -N secret -f "$T/k24"
is "24 rounds where nobody says how many" "$(rounds_of "$T/k24")" " 0 0 0 24"
run "$TKEYGEN" -q -N secret -a 300 -f "$T/k300"
is "-a 300" "$(rounds_of "$T/k300")" " 0 0 1 44"
like "Ed25519 where nobody says which, as since 9.5" "$(cat "$T/k24.pub")" '^ssh-ed25519 '
like "user@host where nobody gives a comment" "$(cat "$T/k24.pub")" \
        "^[^ ]+ [^ ]+ $(id -un)@$(uname -n)\$"

run "$TKEYGEN" -t ed25519 -N '' -C 'a comment' -f "$T/k"
is "what is said of a new key" "$rc $out" "0 Generating public/private ed25519 key pair.
Your identification has been saved in $T/k
Your public key has been saved in $T/k.pub
The key fingerprint is:
$(ssh-keygen -l -f "$T/k" | cut -d' ' -f2) a comment
The key's randomart image is:
$(ssh-keygen -lv -f "$T/k" | sed 1d)"
is "the modes" "$(stat -c %a "$T/k" "$T/k.pub")" "600
644"

run "$TKEYGEN" -t foo -f new
is "an unknown type: status" "$rc" 255
is "an unknown type: words" "$err" "unknown key type foo
Known are ed25519, ecdsa and rsa; keys on security keys are made by ssh-keygen."
run "$TKEYGEN" -t dsa -f new
is "DSA is one, as since 10.0" "$rc $(printf '%s' "$err" | head -n 1)" "255 unknown key type dsa"
for args in "-t rsa -b 1023" "-t rsa -b 16385" "-t ecdsa -b 255" "-b 0" "-b x" "-b -1" "-b 4294967296" \
        "-a 0" "-a x" "-a -5" "-Z rot13" "-m rot13" "-E rot13"; do
        # shellcheck disable=SC2086 # words
        same $args -N '' -f new
done
run "$TKEYGEN" -a 65537 -N x -f new
is "more rounds than anybody can want" "$rc $err" "255 Invalid number: 65537 (too large)"
same -q -t ed25519 -N '' -f none/new
same -q -t rsa -b 1024 -m PEM -N abcd -f new
long=$(printf '%01024d' 0)
run "$TKEYGEN" -q -N "$long" -f "$T/long"
is "a passphrase of 1024 bytes is not cut" "$rc $err" "1 A passphrase has at most 1023 bytes."
ok "and nothing was written" not test -e "$T/long"

# --- questions where there is no terminal ------------------------------------------------------

input='y\n'
same -q -t ed25519 -N '' -f ed25519
same -q -t ed25519 -N '' -f sub
input='Yes, please\n'
same -q -t ed25519 -N '' -f ed25519
input='n\n'
same -q -t ed25519 -N '' -f ed25519
input='\n'
same -q -t ed25519 -N '' -f ed25519
input=''
same -q -t ed25519 -N '' -f ed25519
same -q -t ed25519 -f new
is "the end of the input is an empty passphrase" "$(ssh-keygen -y -P '' -f "$T/w/new" | cut -c1-11)" \
        ssh-ed25519
input='secret\nsecret\n'
same -q -t ed25519 -a 1 -f new
ok "the passphrase of standard input" ssh-keygen -y -P secret -f "$T/w/new"
input='secret\nsecrets\nsecret\nsecret\n'
same -q -t ed25519 -a 1 -f new
ok "asked again after a difference" ssh-keygen -y -P secret -f "$T/w/new"

# The home folder of tkeygen is $HOME; of ssh-keygen it is that of the password database.
mkdir "$T/other"
input='\n\n\n'
HOME=$T/other one "$TKEYGEN" -t ecdsa >"$T/ours"
like "three times Enter: the question" "$(cat "$T/ours")" \
        "^out: Enter file in which to save the key \($T/other/.ssh/id_ecdsa\): Created directory '$T/other/.ssh'\.$"
ok "the file" ssh-keygen -y -P '' -f "$T/other/.ssh/id_ecdsa"
is "its folder" "$(stat -c %a "$T/other/.ssh")" 700
input='mine\n\n\n'
HOME=$T/other one "$TKEYGEN" >"$T/ours"
ok "another name" ssh-keygen -y -P '' -f "$T/w/mine"
input=''
HOME=$T/other one "$TKEYGEN" >"$T/ours"
like "no answer" "$(cat "$T/ours")" '^status 1$'

# --- -p ----------------------------------------------------------------------------------------

same -p -N secret -a 1 -f ed25519
for f in eed25519 ersa eecdsa-PEM eecdsa-PKCS8; do
        same -p -P secret -N '' -f $f
        ok "$f has none now" ssh-keygen -y -P '' -f "$T/w/$f"
        same -p -P wrong -N '' -f $f
done
for format in PEM PKCS8 RFC4716; do
        same -p -P secret -N other -a 1 -m $format -f ersa
        like "to $format" "$(head -n 1 "$T/w/ersa")" \
                "BEGIN $(case $format in PEM) echo RSA ;; PKCS8) echo ENCRYPTED ;; *) echo OPENSSH ;; esac)"
        ok "ssh-keygen reads it" ssh-keygen -y -P other -f "$T/w/ersa"
done
same -p -P secret -N abcd -m PEM -f ersa
same -p -P secret -N other -Z aes256-gcm@openssh.com -a 1 -f ersa
like "-Z" "$(grep -v -e '----' "$T/w/ersa" | base64 -d | head -c 50 | tr -d '\0')" 'aes256-gcm@openssh.com'
same -p -N '' -f none
same -p -N '' -f rsa.pub
input='secret\nnew\nnew\n'
same -p -a 1 -f eed25519
ok "asked for all three" ssh-keygen -y -P new -f "$T/w/eed25519"
input='secret\nnew\nold\n'
same -p -a 1 -f eed25519
ok "two that differ change nothing" ssh-keygen -y -P secret -f "$T/w/eed25519"
input='wrong\n'
same -p -f eed25519
input=''
same -p -f eed25519

# --- -c ----------------------------------------------------------------------------------------

for f in ed25519 rsa ecdsa-PEM ecdsa-PKCS8; do same -c -C 'an other' -f $f; done
for f in eed25519 ersa eecdsa-PEM; do
        same -c -P secret -C 'an other' -a 1 -f $f
        ok "$f keeps its passphrase" ssh-keygen -y -P secret -f "$T/w/$f"
        same -c -P wrong -C 'an other' -f $f
done
same -c -N secret -C 'an other' -a 1 -f eed25519
same -c -C '' -f ed25519
same -c -C 'c of ed25519' -f ed25519
same -c -m PEM -C new -f ecdsa-PEM
same -c -C new -f none
input='from the input\n'
same -c -f ed25519
input='secret\nfrom the input\n'
same -c -a 1 -f eed25519
input=''
same -c -f ed25519

# --- answers from a pipe -----------------------------------------------------------------------

# The first line was read with all that stood behind it, so the passphrase was gone and the key was
# written without one. ssh-keygen still does that.
printf '%s\n' y 'some words' 'some words' >"$T/lines"
ok "a key to be replaced" "$TKEYGEN" -q -N '' -f "$T/piped"
run sh -c 'setsid -w "$0" -q -a 1 -f "$1" <"$2"' "$TKEYGEN" "$T/piped" "$T/lines"
is "y and a passphrase, in one piece: status" "$rc" 0
ok "... the key has that passphrase" ssh-keygen -y -P 'some words' -f "$T/piped"
ok "... and needs it" not ssh-keygen -y -P '' -f "$T/piped"

# --- the list of processes ---------------------------------------------------------------------

# While it asks, what anybody may read of its command line.
cat >"$T/askpass" <<'X'
#!/bin/sh
echo "read: $(tr '\0' ' ' <"/proc/$PPID/cmdline")" >"$0.out"
exit 1
X
chmod 700 "$T/askpass"
ssh-keygen -q -t ed25519 -N 'of old' -a 1 -f "$T/listed"
for lacking in memfd_secret ''; do
        SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force run \
                ${lacking:+"$TA_BUILDDIR/tests/support/without" "$lacking"} \
                "$TKEYGEN" -p -P 'of old' -f "$T/listed"
        like "a passphrase in an argument${lacking:+, without $lacking}: it was looked at" \
                "$(cat "$T/askpass.out")" '^read: '
        unlike "... it is not in the list of processes" "$(cat "$T/askpass.out")" 'of old'
done
done_testing
