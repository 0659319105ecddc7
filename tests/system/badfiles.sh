#!/bin/sh
# SPDX-License-Identifier: ISC
# Key files that are damaged, hostile or something else, and disks that fail. Rows F22 to F28 and F59
# as a person meets them: which file, what is wrong with it, what to do; the exit status; no key
# added; nothing half-written. Each byte changed and each prefix: tests/lib/test-keyfile-*.c.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen python3
under_test "$TAGENT" "$TADD" "$TKEYGEN"
cd "$T" || exit 99
ok "an agent starts" start_agent
SSH_ASKPASS_REQUIRE=never
export SSH_ASKPASS_REQUIRE

ssh-keygen -q -t ed25519 -N '' -C good -f good
ssh-keygen -q -t ed25519 -N secret -a 1 -C sealed -f sealed
ssh-keygen -q -t rsa -b 1024 -m PEM -N '' -f pem
ssh-keygen -q -t ecdsa -m PKCS8 -N '' -f pkcs8

# shellcheck disable=SC2317 # called by name
nothing_added() {
        case $(ssh-add -l) in "The agent has no identities.") ;; *) ssh-add -qD; return 1 ;; esac
}

# refused ROW FILE CAUSE ADVICE: by tadd and by tkeygen, in time, with these words (expressions).
refused() {
        run timeout -s KILL 10 setsid -w "$TADD" "$2"
        is "$1 $2: status" "$rc" 1
        like "$1 $2: file and cause" "$err" "^(Error loading key \")?$2\"?: $3\$"
        like "$1 $2: what to do" "$err" "$4"
        ok "$1 $2: no key" nothing_added
        run timeout -s KILL 10 setsid -w "$TKEYGEN" -y -P secret -f "$2"
        is "$1 $2: tkeygen" "$rc $out" "255 "
        like "$1 $2: tkeygen says the same" "$err" "$2\"?: $3\$"
}

# --- F22, F23: one fault each ------------------------------------------------------------------

cat >make.py <<'X'
import base64, os, struct

def read(name):
    with open(name) as f:
        return base64.b64decode("".join(f.read().splitlines()[1:-1]))

def write(name, body, label="OPENSSH PRIVATE KEY"):
    text = base64.encodebytes(body).decode()
    with open(name, "w") as f:
        f.write("-----BEGIN %s-----\n%s-----END %s-----\n" % (label, text, label))
    os.chmod(name, 0o600)

def string(b):
    return struct.pack(">I", len(b)) + b

good, sealed = read("good"), read("sealed")
none = b"openssh-key-v1\0" + string(b"none")
head = none + string(b"none") + string(b"")
rest = good[len(head):]  # number of keys, public, private
public_end = 4 + 4 + struct.unpack(">I", rest[4:8])[0]
public, private = rest[4:public_end], rest[public_end:]
write("trailing", good + b"\0")
write("cut", good[:-9])
write("padding", good[:-1] + b"\7")
write("checks", head + rest[:public_end] + private[:4] + b"abcd" + private[8:])
write("none-bcrypt", none + string(b"bcrypt") + string(string(b"s" * 16) + b"\0\0\0\1") + rest)
write("two-keys", head + b"\0\0\0\2" + public + public + private)
write("halves", head + rest[:8] + rest[8:public_end - 1] + b"\0" + private)
kdf = b"openssh-key-v1\0" + string(b"aes256-ctr") + string(b"bcrypt")
old = string(b"")  # the options that stand in the sealed file
end = sealed[len(kdf):]
end = end[4 + struct.unpack(">I", end[:4])[0]:]
def options(salt, rounds):
    return string(string(salt) + struct.pack(">I", rounds))
write("rounds-0", kdf + options(b"s" * 16, 0) + end)
write("rounds-1e9", kdf + options(b"s" * 16, 10**9) + end)
write("salt-0", kdf + options(b"", 1) + end)
write("salt-1MiB", kdf + options(b"s" * 700000, 1) + end)
write("rot13", sealed.replace(string(b"aes256-ctr"), string(b"rot13")))
write("dsa", head + b"\0\0\0\1" + string(string(b"ssh-dss") + string(b"x")) + private)
write("pem-trailing", read("pem") + b"\0", "RSA PRIVATE KEY")
write("pkcs8-trailing", read("pkcs8") + b"\0", "PRIVATE KEY")
write("pkcs8-cut", read("pkcs8")[:-5], "PRIVATE KEY")
def der(tag, *parts):
    b = b"".join(parts)
    n = bytes([len(b)]) if len(b) < 128 else b"\x82" + struct.pack(">H", len(b))
    return bytes([tag]) + n + b
pbkdf2 = der(0x30, bytes.fromhex("06092a864886f70d01050c"),
             der(0x30, der(4, b"saltsalt"), der(2, struct.pack(">I", 0x7fffffff))))
aes = der(0x30, bytes.fromhex("060960864801650304012a"), der(4, b"i" * 16))
pbes2 = der(0x30, bytes.fromhex("06092a864886f70d01050d"), der(0x30, pbkdf2, aes))
write("iterations", der(0x30, pbes2, der(4, b"x" * 64)), "ENCRYPTED PRIVATE KEY")
X
ok "the files are made" python3 make.py
damaged='^The file is damaged; take it from a backup, or copy it here again\.$'
costly='^If the file is yours and not damaged, write it anew: ssh-keygen -p -a 24 -f '
refused F22 trailing 'there are bytes after the end of the data' "$damaged"
refused F22 cut 'the data ends too early' "$damaged"
refused F22 padding 'invalid format' "$damaged"
refused F22 checks 'invalid format' "$damaged"
refused F22 none-bcrypt 'invalid format' "$damaged"
refused F22 two-keys 'invalid format' "$damaged"
refused F22 halves 'the public and the private half do not belong together' "$damaged"
refused F22 rot13 'the cipher or key derivation of the file is not supported' \
        "^Convert it with a program that knows it: ssh-keygen -p -f 'rot13'\.\$"
refused F22 dsa 'the key type or algorithm is not supported' '^Known are ed25519, ecdsa and rsa'
refused F22 pem-trailing 'there are bytes after the end of the data' "$damaged"
refused F22 pkcs8-trailing 'there are bytes after the end of the data' "$damaged"
refused F22 pkcs8-cut 'invalid format' "$damaged"
refused F23 rounds-0 'invalid format' "$damaged"
refused F23 rounds-1e9 'the key derivation of the file asks for more work than is allowed' "$costly"
refused F23 salt-0 'invalid format' "$damaged"
refused F23 salt-1MiB 'a length or number is over its limit' "$damaged"
refused F23 iterations 'the key derivation of the file asks for more work than is allowed' "$costly"
: >empty
chmod 600 empty
refused F22 empty 'invalid format' '^There is no private key in it; of a pair, it is the file without \.pub\.$'
cp good.pub public
chmod 600 public
refused F22 public 'invalid format' '^There is no private key in it'

# --- F24: line ends, byte order mark, blanks ---------------------------------------------------

# What ssh-keygen reads, tkeygen reads as the same key; and it reads more of what editors and mail
# leave behind.
for f in good pem pkcs8; do
        key=$(ssh-keygen -y -f $f | cut -d' ' -f1,2)
        for how in crlf bom blanks no-end line-before words-before words-after; do
                n=$f.$how
                case $how in
                crlf) sed 's/$/\r/' $f ;;
                bom) printf '\357\273\277' && cat $f ;;
                blanks) sed 's/$/  /' $f ;;
                no-end) head -c -1 $f ;;
                line-before) echo && cat $f ;;
                words-before) echo words && cat $f ;;
                words-after) cat $f && echo words ;;
                esac >"$n"
                chmod 600 "$n"
                run "$TKEYGEN" -y -f "$n"
                is "F24 $n" "$(printf '%s' "$out" | cut -d' ' -f1,2)" "$key"
        done
        sed 's/^/ /' $f >$f.indented
        chmod 600 $f.indented
        is "F24 $f.indented: as with ssh-keygen" \
                "$("$TKEYGEN" -y -f $f.indented 2>/dev/null)" "$(ssh-keygen -y -f $f.indented 2>/dev/null)"
done

# --- F25: no file at all -----------------------------------------------------------------------

mkfifo -m 600 fifo
mkdir -m 700 folder
ln -s loop2 loop1
ln -s loop1 loop2
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
truncate -s 1G sparse
chmod 600 sparse
refused F25 fifo 'not a regular file' .
refused F25 folder 'Is a directory' .
refused F25 loop1 'Too many levels of symbolic links' .
refused F25 socket 'not a regular file' .
refused F25 sparse 'File too large' '^A key file has at most 1 MiB\.$'
refused F25 /dev/null 'not a regular file' .
refused F25 /dev/zero 'not a regular file' .
refused F25 /dev/full 'not a regular file' .
# To an ordinary user a program that hides its memory is root's.
refused F25 /proc/self/environ '(invalid format|Permission denied)' \
        "(^There is no private key in it|ls -l '/proc/self/environ')"
refused F25 none/such 'No such file or directory' .

# --- F26: who else can read it -----------------------------------------------------------------

for mode in 640 604 660 666 610 601; do
        cp good shared
        chmod $mode shared
        run "$TADD" shared
        is "F26 $mode: status" "$rc" 1
        is "F26 $mode: OpenSSH's banner, and the command" "$err" "$(ssh-add shared 2>&1 | tr -d '\r')
To repair it: chmod 600 'shared'"
        ok "F26 $mode: no key" nothing_added
        run "$TKEYGEN" -p -N '' -f shared
        is "F26 $mode: tkeygen" "$rc" 255
done
for mode in 600 400 700; do
        chmod $mode shared
        run "$TADD" -q shared
        is "F26 $mode is good" "$rc" 0
        ssh-add -qD 2>/dev/null
done
if [ "$(id -u)" = 0 ]; then
        chown 65534 shared
        chmod 644 shared
        run "$TADD" -q shared
        is "F26 somebody else's: theirs to protect, as in OpenSSH" "$rc" 0
        ssh-add -qD 2>/dev/null
else
        skip "F26 somebody else's" "needs root"
fi

# --- F59: comments -----------------------------------------------------------------------------

controls=$(printf '[\001-\011\013-\037\177]')
comment_of() { # FILE TEXT: stored bytewise, shown harmless
        "$TKEYGEN" -q -t ed25519 -N '' -C "$2" -f "$1" </dev/null
        run "$TADD" "$1"
        is "F59 $1: added" "$rc" 0
        case $err in *$controls*) fail "F59 $1: shown" "$err" ;; *) pass "F59 $1: shown" ;; esac
        is "F59 $1: one line shown" "$(printf '%s\n' "$err" | wc -l)" 1
        is "F59 $1: stored bytewise" "$(ssh-add -L | cut -d' ' -f3-)" "$2"
        for list in "$TADD -l" "$TADD -L" "$TKEYGEN -l -f $1"; do
                shown=$($list)
                case $shown in
                *$controls* | *"$(printf '\342\200\256')"*) fail "F59 $1: ${list##*/}" "$shown" ;;
                *) pass "F59 $1: ${list##*/}" ;;
                esac
                is "F59 $1: ${list##*/}: one line" "$(printf '%s\n' "$shown" | wc -l)" 1
        done
        is "F59 $1: FILE.pub is one line" "$(wc -l <"$1.pub")" 1
        ssh-add -qD 2>/dev/null
}
comment_of newline "$(printf 'one\ntwo')"
comment_of escape "$(printf 'red \033[31m bell \007 title \033]0;x\007')"
comment_of bidi "$(printf 'abc\342\200\256gpj.exe')"
comment_of bytes "$(printf 'no utf-8: \377\300\200')"
comment_of long "$(head -c 65536 /dev/zero | tr '\0' x)"

# --- F27: the disk is full, fails, or is read-only ---------------------------------------------

mkdir safe
# kept NAME: the old file is what it was, and nothing lies beside it.
kept() {
        is "$1: the old file is as it was" "$(ssh-keygen -y -P secret -f safe/k 2>&1)" "$key"
        is "$1: nothing else is left" "$(ls -A safe)" k
}
cp sealed safe/k
key=$(ssh-keygen -y -P secret -f safe/k)
# shellcheck disable=SC2016 # that shell's own
words=$(sh -c 'trap "" XFSZ; ulimit -f 0; exec "$TKEYGEN" -p -a 1 -P secret -N new -f safe/k' \
        2>&1 >/dev/null) && rc=0 || rc=$?
is "F27 over the limit of a file's size: status" "$rc" 1
is "F27 over the limit: words" "$words" 'Saving key "safe/k" failed: File too large'
kept "F27 over the limit"
run sh -c 'trap "" XFSZ; ulimit -f 0; exec "$TKEYGEN" -q -N "" -f safe/new'
is "F27 over the limit, a new key: status" "$rc" 1
kept "F27 over the limit, a new key"

cat >disk <<'X'
mount -t tmpfs -o size=16k none full || exit 99
cp sealed full/k
cat /dev/zero >full/fill 2>/dev/null
for args in "-p -P secret -N new -f full/k" "-c -P secret -C new -f full/k" "-q -N x -f full/new"; do
        "$TKEYGEN" -a 1 $args >/dev/null 2>full.err
        echo "$? $(cat full.err) $(cmp sealed full/k && ls -A full | tr '\n' ' ')"
done
mount -o remount,bind,ro full
"$TKEYGEN" -a 1 -p -P secret -N new -f full/k 2>&1 >/dev/null
echo $?
X
mkdir full
unshare=
for how in -m -rm; do
        if [ -z "$unshare" ] && unshare $how mount -t tmpfs none full 2>/dev/null; then unshare=$how; fi
done
if [ -n "$unshare" ]; then
        run unshare "$unshare" sh disk
        is "F27 a full disk, a read-only one" "$out" \
                '1 Saving key "full/k" failed: No space left on device fill k 
1 Saving key "full/k" failed: No space left on device fill k 
1 Saving key "full/new" failed: No space left on device fill k 
Saving key "full/k" failed: Read-only file system
1'
else
        skip "F27 a full disk" "needs root"
fi

# --- F27, F28: a failure, and a death, at each system call of a write --------------------------

if have strace && strace -o "$T/trace" true 2>/dev/null; then
        # injected CALL:WHAT:when=N ARG...: tkeygen with that happening to it. With no umask, so that
        # a file made too open would be seen.
        injected() {
                what=$1
                shift
                # The shell would tell of each death, and a leak checker cannot work below strace.
                (umask 0 && ASAN_OPTIONS=detect_leaks=0 strace -f -o "$T/trace" \
                        -e "inject=$what" "$TKEYGEN" -a 1 "$@" \
                        >"$T/run.out" 2>"$T/run.err" || exit $?) 2>/dev/null || rc=$?
                err=$(cat "$T/run.err")
        }
        for call in write:when=1 fchmod:when=1 fsync:when=1 renameat:when=1; do
                for errno in EIO ENOSPC EDQUOT; do
                        rc=0
                        injected "${call%:*}:error=$errno:${call#*:}" -p -P secret -N new -f safe/k
                        is "F27 $errno at $call: status" "$rc" 1
                        like "F27 $errno at $call: words" "$err" '^Saving key "safe/k" failed: '
                        kept "F27 $errno at $call"
                done
        done
        rc=0
        injected fsync:error=EINTR:when=1..3 -p -P secret -N secret -f safe/k
        is "F29 EINTR is gone on with" "$rc" 0
        kept "F29 EINTR"

        # deaths NAME CALLS ARG...: after death at any call, a whole file, old or new, and private.
        deaths() {
                name=$1 calls=$2
                shift 2
                for call in $calls; do
                        rm -rf safe
                        mkdir safe
                        cp sealed safe/k
                        rc=0
                        injected "${call%:*}:signal=KILL:${call#*:}" "$@"
                        is "F28 $name, killed at $call: it died" "$rc" 137
                        whole=$(ssh-keygen -y -P secret -f safe/k 2>/dev/null ||
                                ssh-keygen -y -P new -f safe/k 2>/dev/null)
                        is "F28 $name, killed at $call: the key is whole" "${whole% *}" "${key% *}"
                        is "F28 $name, killed at $call: no private key is open to others" \
                                "$(find safe -type f -perm /077 -exec grep -l 'PRIVATE KEY' {} +)" ""
                        if [ -e safe/new ]; then
                                ok "F28 $name, killed at $call: the new key is whole" \
                                        ssh-keygen -y -P '' -f safe/new
                        fi
                done
        }
        steps="write:when=1 fchmod:when=1 fsync:when=1 renameat:when=1 fsync:when=2"
        deaths "-p" "$steps" -p -P secret -N new -f safe/k
        deaths "-c" "$steps fchmod:when=2 fsync:when=3 renameat:when=2" -c -P secret -C x -f safe/k
        deaths "a new key" "write:when=1 fchmod:when=1 fsync:when=1 renameat2:when=1 fsync:when=2" \
                -q -N '' -f safe/new
else
        skip "F28 death at each system call" "strace is not installed or may not trace"
fi
done_testing
