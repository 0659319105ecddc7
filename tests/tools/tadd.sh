#!/bin/sh
# SPDX-License-Identifier: ISC
# Every option of tadd. Where ssh-add 9.2 and 10.5 say the same, it is run beside tadd on the same
# agent; else the words and statuses are those of 10.5. Terminals: terminal.sh.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-add ssh-keygen setsid
under_test "$TAGENT" "$TADD"
cd "$T" || exit 99

for key in ed25519:256 ecdsa:256 rsa:1024; do
        type=${key%:*}
        ssh-keygen -q -t "$type" -b "${key#*:}" -N '' -C "c of $type" -f "$type"
done
ssh-keygen -q -t ed25519 -N secret -a 1 -C 'locked up' -f sealed
ssh-keygen -q -t ed25519 -N secret -a 1 -C 'this too' -f sealed2
ssh-keygen -q -t ed25519 -N other -a 1 -C 'another' -f sealed3
cp ed25519 bare # no .pub
cp ecdsa loose
chmod 640 loose
ssh-keygen -q -t ed25519 -N '' -C ca -f ca
cert() { # KEY ID ARGS...: KEY-cert.pub
        cp "$1.pub" "$T/tmp/x.pub"
        cert_key=$1 cert_id=$2
        shift 2
        ssh-keygen -q -s ca -I "$cert_id" -n me "$@" "$T/tmp/x.pub" 2>/dev/null
        mv "$T/tmp/x-cert.pub" "$cert_key-cert.pub"
}
cert rsa 'the id' -V always:forever
echo nothing >junk
chmod 600 junk
fp() { ssh-keygen -l -f "$1.pub"; }

# --- without an agent --------------------------------------------------------------------------

run "$TADD" -l
is "no agent: status" "$rc" 2
is "no agent: words" "$(printf '%s' "$err" | head -n 1)" \
        "Could not open a connection to your authentication agent."
like "no agent: how to get one" "$err" 'eval \$\(tagent\)'
SSH_AUTH_SOCK='' run "$TADD" -l
is "an empty SSH_AUTH_SOCK" "$rc" 2
SSH_AUTH_SOCK=$T/none run "$TADD" -l
is "no agent there" "$rc $err" "2 Error connecting to agent: No such file or directory"
SSH_AUTH_SOCK=$T/junk run "$TADD" -l
is "no socket there" "$rc $err" "2 Error connecting to agent: Connection refused"

ok "an agent starts" start_agent
empty() { ssh-add -q -D 2>/dev/null; }

# same ARG...: on an agent prepared by $before, both say the same and leave it with the same keys.
before=true
same() {
        for program in ssh-add "$TADD"; do
                empty
                $before
                same_rc=0
                setsid -w "$program" "$@" >"$T/same.out" 2>"$T/same.err" </dev/null || same_rc=$?
                {
                        echo "status $same_rc"
                        sed 's/^/out: /' "$T/same.out"
                        tr -d '\r' <"$T/same.err" | sed -e '/^To repair it: /d' -e 's/^/err: /'
                        ssh-add -l
                } >"$T/same.${program##*/}"
        done
        if cmp -s "$T/same.ssh-add" "$T/same.${TADD##*/}"; then
                pass "tadd $* ($before)"
        else
                fail "tadd $* ($before)" "$(diff "$T/same.ssh-add" "$T/same.${TADD##*/}")"
        fi
}
all() { ssh-add -q ed25519 ecdsa rsa; }

# --- adding ------------------------------------------------------------------------------------

same ed25519
same ed25519 ecdsa rsa
same bare
same -q ed25519 rsa
same -k rsa
same -c ed25519
same -t 0 ed25519
same -t 1x ed25519
same -t '' ed25519
same none
same none ed25519
same ed25519.pub
run "$TADD" junk
is "no key in it" "$rc $err" "1 Error loading key \"junk\": invalid format
There is no private key in it; of a pair, it is the file without .pub."
before=all
same ed25519
before=true
run "$TADD" loose
is "a file that others can read: status" "$rc" 1
like "... the banner" "$err" "UNPROTECTED PRIVATE KEY FILE"
like "... how to repair it" "$err" "^To repair it: chmod 600 'loose'$"
for life in 90:00:01:30 1h30m:01:30:00 1d2h3m:1d02h03m 2w:02w0d00h 604800s:01w0d00h; do
        run "$TADD" -t "${life%%:*}" ed25519
        is "-t ${life%%:*}" "$rc $err" "0 Identity added: ed25519 (c of ed25519)
Lifetime set to ${life#*:}"
done
empty
run "$TADD" -t 1 -q ed25519
is "-t -q: nothing said" "$rc $out$err" "0 "
ok "-t: the key goes" wait_for sh -c '! ssh-add -L'
run "$TADD" -v ed25519
is "-v" "$rc" 0
empty
for args in "-m 1" "-M 1" "-M 4294967295 -m 3"; do
        # shellcheck disable=SC2086 # words
        run "$TADD" $args -q ed25519
        is "$args is accepted" "$rc $err" "0 "
done
for args in "-m 0" "-M x" "-M -1" "-m 3x"; do
        # shellcheck disable=SC2086
        run "$TADD" $args ed25519
        is "$args: status" "$rc" 1
        like "$args: usage" "$err" '^usage: tadd'
done
empty
"$TADD" -q - <ed25519
is "- is standard input" "$(ssh-add -l)" "$(fp ed25519)"
run "$TADD" - <rsa
is "- and what is said of it" "$rc $err" "0 Identity added: (stdin) (c of rsa)"
run "$TADD" - </dev/null
is "nothing on standard input" "$rc" 1
like "... which is said" "$err" '^Error loading key "\(stdin\)": '

# --- default files -----------------------------------------------------------------------------

empty
run "$TADD"
is "no default file: silence" "$rc $out$err" "1 "
for key in rsa ecdsa ed25519; do
        cp $key "$HOME/.ssh/id_$key"
        cp $key.pub "$HOME/.ssh/id_$key.pub"
done
run "$TADD"
is "the default files, in order" "$rc $err" "0 Identity added: $HOME/.ssh/id_rsa (c of rsa)
Identity added: $HOME/.ssh/id_ecdsa (c of ecdsa)
Identity added: $HOME/.ssh/id_ed25519 (c of ed25519)"
run "$TADD" -d
is "-d without a file: those" "$rc" 0
run "$TADD" -l
is "... are gone" "$rc $out" "1 The agent has no identities."
rm "$HOME"/.ssh/*

# --- passphrases through SSH_ASKPASS -----------------------------------------------------------

# Answers with the lines of $T/answers, one at each call, and notes the prompts.
cat >"$T/ask" <<X
#!/bin/sh
printf '%s\n' "\$1" >>"$T/asked"
n=\$(wc -l <"$T/asked")
sed -n "\${n}p" "$T/answers"
X
chmod 700 "$T/ask"
asked() { # ANSWERS ARG...: tadd with these answers; what was asked is left in $prompts
        : >"$T/asked"
        printf '%s\n' "$1" >"$T/answers"
        shift
        rc=0
        SSH_ASKPASS="$T/ask" SSH_ASKPASS_REQUIRE=force "$TADD" "$@" >"$T/run.out" 2>"$T/run.err" ||
                rc=$?
        out=$(cat "$T/run.out") err=$(cat "$T/run.err") prompts=$(cat "$T/asked")
}
empty
asked secret sealed
is "a passphrase" "$rc $err" "0 Identity added: sealed (locked up)"
is "and its prompt" "$prompts" "Enter passphrase for sealed: "
empty
asked "bad
worse
secret" sealed
is "two wrong ones" "$rc $prompts" "0 Enter passphrase for sealed: 
Bad passphrase, try again for sealed: 
Bad passphrase, try again for sealed: "
empty
asked "" sealed
is "an empty one gives up" "$rc $prompts $(ssh-add -l)" \
        "1 Enter passphrase for sealed:  The agent has no identities."
asked "secret
other" sealed ed25519 sealed2 sealed3
is "one is tried on all that wait" "$rc $prompts" "0 Enter passphrase for sealed: 
Enter passphrase for sealed3: "
is "in the order of the files" "$err" "Identity added: sealed (locked up)
Identity added: ed25519 (c of ed25519)
Identity added: sealed2 (this too)
Identity added: sealed3 (another)"
empty
asked secret -c sealed
is "-c is said in the prompt" "$rc $prompts" "0 Enter passphrase for sealed (will confirm each use): "
like "-c is said of the key" "$err" '^The user must confirm each use of the key$'
empty
SSH_ASKPASS=/nonexistent SSH_ASKPASS_REQUIRE=force run "$TADD" sealed
is "an askpass that is not there: status" "$rc" 1
like "... and words" "$err" 'cannot run /nonexistent \(SSH_ASKPASS\): No such file'
printf '#!/bin/sh\necho secret\nexit 1\n' >"$T/no"
chmod 700 "$T/no"
SSH_ASKPASS=$T/no SSH_ASKPASS_REQUIRE=force run "$TADD" sealed
is "a dialog that was dismissed" "$rc" 1
empty
cat >"$T/fds" <<'X'
#!/bin/sh
ls -l "/proc/$$/fd" >"$0.out"
echo secret
X
chmod 700 "$T/fds"
SSH_ASKPASS=$T/fds SSH_ASKPASS_REQUIRE=force run "$TADD" -q sealed 7</dev/null
is "a program that asks: its answer" "$rc $("$TADD" -l)" "0 $(fp sealed)"
like "... its output is a pipe" "$(cat "$T/fds.out")" ' -> pipe:'
unlike "... and it has no descriptor of ours or our caller's" "$(cat "$T/fds.out")" \
        'socket:| 7 -> '
empty
PATH=$T:$PATH SSH_ASKPASS=fds SSH_ASKPASS_REQUIRE=force run "$TADD" -q sealed
is "... found in PATH" "$rc $("$TADD" -l)" "0 $(fp sealed)"
empty
echo 'echo secret' >"$T/unsaid"
chmod 700 "$T/unsaid"
SSH_ASKPASS=$T/unsaid SSH_ASKPASS_REQUIRE=force run "$TADD" -q sealed
is "... a script that does not say what runs it" "$rc $("$TADD" -l)" "0 $(fp sealed)"
empty
printf '%s\n' secret >"$T/answers"
for how in "DISPLAY=:9" "WAYLAND_DISPLAY=w" "DISPLAY=:9 SSH_ASKPASS_REQUIRE=prefer"; do
        : >"$T/asked"
        # shellcheck disable=SC2086 # words
        env $how SSH_ASKPASS="$T/ask" setsid -w "$TADD" -q sealed </dev/null
        is "$how without a terminal" "$(cat "$T/asked")" "Enter passphrase for sealed: "
done
empty
printf 'secret\n' >in
for how in A=b SSH_ASKPASS_REQUIRE=prefer "DISPLAY=:9 SSH_ASKPASS_REQUIRE=never"; do
        : >"$T/asked"
        # shellcheck disable=SC2086
        env $how SSH_ASKPASS="$T/ask" setsid -w "$TADD" -q sealed <in 2>err
        is "$how: standard input is asked, not the program" "$(cat asked err)" \
                "Enter passphrase for sealed: "
done
is "and its answer was right" "$(ssh-add -l)" "$(fp sealed)"

# --- certificates ------------------------------------------------------------------------------

same rsa
empty
run "$TADD" -C rsa
is "-C: the certificate alone" "$rc $err" "0 Certificate added: rsa-cert.pub (the id)"
is "... as it lies there" "$(ssh-add -L | cut -d' ' -f1,2)" "$(cut -d' ' -f1,2 rsa-cert.pub)"
run "$TADD" -C ed25519
is "-C without a certificate" "$rc $err" \
        "1 ed25519-cert.pub: there is no certificate for this key"
empty
cert ecdsa gone -V 20200101:20200102
run "$TADD" ecdsa
is "a certificate that has ended is left out" "$rc $err" "0 Identity added: ecdsa (c of ecdsa)
Certificate ecdsa-cert.pub has already expired; ignored"
is "... and its key is there" "$(ssh-add -l)" "$(fp ecdsa)"
run "$TADD" -C ecdsa
is "... which is a failure where only it was wanted" "$rc" 1
run "$TADD" -N ecdsa
is "-N takes it" "$rc $(ssh-add -l | grep -c CERT)" "0 1"
cert ecdsa soon -V -1d:+1h
empty
run "$TADD" ecdsa
like "one that ends: kept no longer than it is valid and five minutes" "$err" \
        '^Lifetime set to 01:0[45]:[0-5][0-9]$'
run "$TADD" -t 10m ecdsa
is "-t is shorter" "$(printf '%s\n' "$err" | grep -c '^Lifetime set to 00:10:00$')" 2
run "$TADD" -N ecdsa
unlike "-N: for ever" "$err" 'Lifetime'
cp rsa-cert.pub ed25519-cert.pub
same ed25519
cp junk ed25519-cert.pub
run "$TADD" ed25519
is "no certificate at all: status" "$rc" 0
like "... words" "$err" '^Failed to load certificate "ed25519-cert.pub": '
rm ed25519-cert.pub ecdsa-cert.pub

# --- removing ----------------------------------------------------------------------------------

before=all
same -d ed25519
same -d ed25519.pub
same -d bare
same -d rsa ecdsa
same -k -d rsa
same -q -d rsa ecdsa
same -D
same -q -D
before=true
same -D
same -d ed25519
all
run "$TADD" -C -d rsa
is "-C -d: the certificate alone" "$rc $err" "0 Identity removed: rsa-cert.pub RSA-CERT (c of rsa)"
is "... its key stays" "$(ssh-add -l | grep -c '(RSA)')" 1
run "$TADD" -d rsa
is "enough if one of the two was there" "$rc" 0
like "... and the other is named" "$err" '^Could not remove identity "rsa-cert.pub": agent refused operation$'
run "$TADD" -d none
is "-d of nothing" "$rc $out" "1 "
like "... is said" "$err" '^Bad key file none: No such file or directory'
empty
all
ssh-add -L >list
{ echo '# a comment'; echo; cat list; echo 'no key'; } >list2
run "$TADD" -d - <list2
is "-d -: lines of keys" "$rc $(ssh-add -l)" "0 The agent has no identities."
like "-d -: each is named" "$err" '^Identity removed: \(stdin\) ED25519 \(c of ed25519\)$'
like "-d -: a line that is none" "$err" '^\(stdin\):7: invalid key: '
run "$TADD" -d - </dev/null
is "-d - of nothing" "$rc" 1
run "$TADD" -d - <list
is "-d - of keys that are not there" "$rc" 1

# --- listing -----------------------------------------------------------------------------------

same -l
same -L
before=all
same -l
same -L
same -l -E md5
same -l -E SHA512
same -L -E sha1
before=true
same -l -E nonesuch
all
run sh -c '"$TADD" -l >/dev/full'
is "a full disk behind standard output" "$rc" 1
like "... is said" "$err" 'cannot write the list: No space left on device'

# --- testing, extensions, lock -----------------------------------------------------------------

before=all
same -T ed25519.pub
same -T ed25519 ecdsa rsa
same -T rsa-cert.pub
before=true
run "$TADD" -T
is "-T without a file" "$rc $err" "255 no keys to test"
run "$TADD" -T none
is "-T of no file" "$rc" 1
like "... is said" "$err" "^Couldn't read public key none: "
empty
run "$TADD" -T ed25519.pub
is "-T of a key that is not there" "$rc $err" \
        "1 Agent signature failed for ed25519.pub: agent refused operation"
run "$TADD" -Q
is "-Q" "$rc $out" "0 session-bind@openssh.com
info@tagent
add-sealed@tagent"
all
asked "pw
pw" -x
is "-x" "$rc $err" "0 Agent locked."
is "-x asks twice" "$prompts" "Enter lock password: 
Again: "
run "$TADD" -l
is "locked: nothing to see" "$rc $out" "1 The agent has no identities."
run "$TADD" -Q
is "locked: no extensions" "$rc $err" "255 unable to query supported extensions"
run "$TADD" rsa
is "locked: nothing to add" "$rc" 1
like "... is said" "$err" '^Could not add identity "rsa": agent refused operation$'
run "$TADD" -D
is "locked: nothing to remove" "$rc $err" "1 Failed to remove all identities."
asked wrong -X
is "-X, wrong" "$rc $err" "1 Failed to unlock agent: agent refused operation"
asked pw -X
is "-X" "$rc $err $prompts" "0 Agent unlocked. Enter lock password: "
asked pw -X
is "-X twice" "$rc $err" "1 Failed to unlock agent: agent refused operation"
asked "pw
qw" -x
is "-x with two that differ" "$rc $err" "1 Passwords do not match."
is "all is there again" "$("$TADD" -l | wc -l)" 4

# --- --json ------------------------------------------------------------------------------------

for args in --json "--json -L" "--json -D" "--json ed25519"; do
        # shellcheck disable=SC2086 # words
        run "$TADD" $args
        is "$args: status" "$rc" 1
        like "$args: words" "$err" '^tadd: --json goes with -l$'
        like "$args: usage" "$err" '^usage: tadd'
done
is "and nothing happened" "$("$TADD" -l | wc -l)" 4
if have python3; then
        printf 'quote " backslash \\ newline \n escape \033[31m tab \t \342\200\256bidi \377bad </script>' >odd
        ssh-keygen -q -t ed25519 -N '' -C "$(cat odd)" -f hostile
        ssh-add -q hostile
        run "$TADD" -l --json
        is "--json: status" "$rc" 0
        printf '%s\n' "$out" >json
        unlike "--json: nothing reaches the terminal raw" "$(tr -d '\n' <json)" '[[:cntrl:]]'
        cat >check.py <<'X'
import json, sys
d = json.load(open("json", encoding="utf-8"))
lines = [l.split(None, 1) for l in open("lines", encoding="utf-8")]
assert d["schema"] == 1 and set(d) == {"schema", "identities"}, d
keys = d["identities"]
assert len(keys) == len(lines) == 5
for key, line in zip(keys, lines):
    assert str(key["bits"]) == line[0] and line[1].startswith(key["fingerprint"] + " "), (key, line)
    assert line[1].rstrip().endswith("(%s)" % key["type"]), (key, line)
    want = {"fingerprint", "bits", "type", "algorithm", "comment"}
    assert set(key) == want | ({"certificate"} if key["type"].endswith("-CERT") else set()), key
by = {k["algorithm"]: k for k in keys}
assert by["ecdsa-sha2-nistp256"]["comment"] == "c of ecdsa"
assert by["ssh-rsa-cert-v01@openssh.com"]["certificate"] == {
    "kind": "user", "serial": 0, "key_id": "the id", "valid_after": 0,
    "valid_before": 2**64 - 1, "principals": ["me"]}
want = open("odd", "rb").read().decode("utf-8", "replace")
assert keys[-1]["comment"] == want, (keys[-1]["comment"], want)
X
        "$TADD" -l >lines
        ok "--json: every field" python3 check.py
        empty
        run "$TADD" -l --json
        is "--json of an empty agent: status" "$rc" 1
        printf '%s\n' "$out" >json
        is "--json of an empty agent" "$(python3 -c 'import json
print(json.load(open("json")))')" "{'schema': 1, 'identities': []}"
else
        skip "--json" "python3 is not installed"
fi

# --- what is wrong on the command line ---------------------------------------------------------

for args in "-s lib" "-e lib" "-S lib" "-K" "-h host" "-H file"; do
        # shellcheck disable=SC2086 # words
        run "$TADD" $args
        is "$args" "$rc $err" "1 tadd: ${args%% *} comes in a later version; ssh-add does it"
done
for args in -! -j --nonesuch -t -E; do
        run "$TADD" $args
        is "tadd $args: status" "$rc" 1
        like "tadd $args: usage" "$err" '^usage: tadd'
done
run "$TADD" -l -D
is "two actions" "$rc $err" "255 tadd: -l and -D cannot be combined"
run "$TADD" -ll
is "one action twice" "$rc $err" "255 tadd: -l flag already specified"
run "$TADD" --help
is "--help: status" "$rc" 0
for letter in l L d D x X k C c t E N Q q v T; do
        like "--help: -$letter" "$out" "^  -${letter}[ ,]"
done
run "$TADD" --version
like "--version" "$rc $out" '^0 tadd \([a-z]+\) [0-9]'
done_testing
