#!/bin/sh
# SPDX-License-Identifier: ISC
# Much at once: the memory of tadd and tkeygen is an arena of fixed size, and must do for what is
# large and public. Where it does not, a sentence says so.
# shellcheck disable=SC2016 # those shells' own
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen python3
under_test "$TAGENT" "$TADD" "$TKEYGEN"
cd "$T" || exit 99
ok "an agent" start_agent

ssh-keygen -q -t ed25519 -N '' -C small -f small
ssh-keygen -q -t rsa -b 1024 -N '' -C other -f other

# --- many lines --------------------------------------------------------------------------------

# lines N: so many of both keys, with what else stands in such files.
lines() {
        awk -v n="$1" '{ line[NR] = $0 } END {
                for (i = 1; i <= n; i++) print i % 7 ? line[i % NR + 1] : "# " i "\nhost" i " " line[1]
        }' small.pub other.pub
}
lines 20000 >many
like "20,000 lines are more than a key file may have" "$(wc -c <many)" '^[2-9][0-9]{6}$'
ssh-keygen -l -f many >want
ok "tkeygen -l of many lines of standard input" \
        sh -c '"$TKEYGEN" -l -f - <many >got && cmp want got'
ok "of a pipe" sh -c 'cat many | "$TKEYGEN" -l -f - >got && cmp want got'
ok "of a file" sh -c '"$TKEYGEN" -l -f many >got && cmp want got'
# The last line without its end, at every place in the window that it may fall on.
for size in 1048576 1048577 262144 262143; do
        head -c $size many >part
        ssh-keygen -l -f part >want 2>&1
        ok "of $size bytes" sh -c '"$TKEYGEN" -l -f part >got 2>&1 && cmp want got &&
                "$TKEYGEN" -l -f - <part >got 2>&1 && cmp want got'
done
{ cat small.pub; head -c 1500000 /dev/zero | tr '\0' a; echo; cat other.pub; } >long
ssh-keygen -l -f small.pub >want
ssh-keygen -l -f other.pub >>want
ok "a line that is too long for a key is passed over" \
        sh -c '"$TKEYGEN" -l -f long >got && cmp want got'
head -c 1500000 /dev/zero >zeros
run "$TKEYGEN" -l -f zeros
is "a large file of something else" "$rc $err" "255 zeros is not a public key file."

# --- many keys ---------------------------------------------------------------------------------

ok "1,000 keys" /usr/bin/python3 "$TA_SRCDIR/tests/support/fill.py" "$SSH_AUTH_SOCK" 1000 0
ssh-add -L >want
is "are listed" "$(wc -l <want)" 1000
ok "tadd -L" sh -c '"$TADD" -L >got && cmp want got'
ssh-add -l >want
ok "tadd -l" sh -c '"$TADD" -l >got && cmp want got'
run "$TADD" -l --json
is "tadd -l --json" "$rc $(printf '%s\n' "$out" | grep -c fingerprint)" "0 1000"
ok "tadd -D" "$TADD" -q -D

ssh-keygen -q -p -N 'a phrase' -a 1 -f small >made
files=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
        cp small "locked$i"
        cp other "open$i"
        files="$files locked$i open$i"
done
askpass_says 'a phrase'
# shellcheck disable=SC2086 # names without blanks
run "$TADD" $files
is "tadd of 50 files: status, and all are added" "$rc $(printf '%s\n' "$err" | grep -c added)" "0 50"
is "which are two keys" "$("$TADD" -l | wc -l)" 2
ok "tadd -D" "$TADD" -q -D

# --- large keys --------------------------------------------------------------------------------

(umask 077 && /usr/bin/python3 "$TA_SRCDIR/tests/support/rsa16384.py" >rsa)
ssh-keygen -y -f rsa >rsa.pub
ok "RSA of 16384 bits: tkeygen -y" sh -c '"$TKEYGEN" -y -f rsa >got && cmp rsa.pub got'
ok "... -p" "$TKEYGEN" -p -N 'a phrase' -a 1 -m RFC4716 -f rsa
ok "... tadd" "$TADD" -q rsa
ok "... signs" "$TADD" -T rsa.pub
is "... tadd -l" "$("$TADD" -l)" "$(ssh-add -l)"
ok "tadd -D" "$TADD" -q -D

# --- too large ---------------------------------------------------------------------------------

# Key files that are nothing but comment; the arena has room for a few at a time.
cat >huge.py <<'PY'
import base64, struct

def string(b):
    return struct.pack(">I", len(b)) + b

def take(b):
    n = struct.unpack(">I", b[:4])[0]
    return b[4:4 + n], b[4 + n:]

whole = base64.b64decode("".join(open("plain").read().split("\n")[1:-2]))
head = whole[:15 + 8 + 8 + 4 + 4]       # magic, none, none, no options, one key
public, rest = take(whole[len(head):])
private = take(rest)[0][:8 + 15 + 36 + 68] + string(b"c" * 750000)
private += bytes(range(1, 9))[:-len(private) % 8]
text = base64.encodebytes(head + string(public) + string(private)).decode()
print("-----BEGIN OPENSSH PRIVATE KEY-----\n" + text + "-----END OPENSSH PRIVATE KEY-----")
PY
cp small plain
ssh-keygen -q -p -P 'a phrase' -N '' -f plain >made
(umask 077 && /usr/bin/python3 huge.py >huge)
ok "ssh-keygen reads such a file" sh -c 'ssh-keygen -y -f huge >got'
run "$TADD" other huge huge huge huge huge huge plain
is "a full arena: status" "$rc" 1
if not grep -q '^#define TA_SANITIZED' "$TA_BUILDDIR/config.h"; then # which has no arena
        like "and words" "$err" '^Error loading key "huge": the protected memory is full$'
fi
is "what there was room for is added" "$("$TADD" -l)" "$(ssh-keygen -l -f other.pub)
$(ssh-keygen -l -f small.pub)"
done_testing
