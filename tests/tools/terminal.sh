#!/bin/sh
# SPDX-License-Identifier: ISC
# Both tools in front of a person: on a real terminal, where what is typed must not be seen, and
# where every way out leaves the terminal as it was.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh-keygen python3
under_test "$TAGENT" "$TADD" "$TKEYGEN"
cd "$T" || exit 99

# talk COMMAND... <<X: a conversation; $rc, and $out as the terminal showed it.
talk() {
        rc=0
        out=$(python3 "$TA_SRCDIR/tests/support/terminal.py" "$@") || rc=$?
        if [ "$rc" = 99 ]; then fail "a conversation with $*" "$out"; fi
}

# --- tkeygen -----------------------------------------------------------------------------------

talk "$TKEYGEN" -a 1 <<X
wait Enter file in which to save the key
type
wait (empty for no passphrase):
type
wait passphrase again:
type
wait randomart
X
is "three times Enter: status" "$rc" 0
is "three times Enter: what is seen" "$(printf '%s\n' "$out" | head -n 8)" \
        "Generating public/private ed25519 key pair.
Enter file in which to save the key ($HOME/.ssh/id_ed25519): 
Enter passphrase for \"$HOME/.ssh/id_ed25519\" (empty for no passphrase): 
Enter same passphrase again: 
Your identification has been saved in $HOME/.ssh/id_ed25519
Your public key has been saved in $HOME/.ssh/id_ed25519.pub
The key fingerprint is:
$(ssh-keygen -l -f "$HOME/.ssh/id_ed25519" | cut -d' ' -f2,3)"
ok "three times Enter: the key" ssh-keygen -y -P '' -f "$HOME/.ssh/id_ed25519"

talk "$TKEYGEN" -a 1 -q -f k <<X
wait (empty for no passphrase):
type hush hush
wait again:
type hush mush
wait Passphrases do not match.  Try again.
wait (empty for no passphrase):
type hush hush
wait again:
type hush hush
X
is "a passphrase, typed wrong once: status" "$rc" 0
unlike "what is typed is not seen" "$out" 'hush|mush'
ok "the passphrase is that" ssh-keygen -y -P 'hush hush' -f k

talk "$TKEYGEN" -a 1 -q -f k <<X
wait k already exists.
wait Overwrite (y/n)?
type n
X
is "Overwrite (y/n)? n" "$rc" 1
ok "... keeps it" ssh-keygen -y -P 'hush hush' -f k
talk "$TKEYGEN" -a 1 -q -N new -f k <<X
wait Overwrite (y/n)?
type y
X
is "Overwrite (y/n)? y" "$rc" 0
ok "... replaces it" ssh-keygen -y -P new -f k
talk "$TKEYGEN" -p -a 1 -f k <<X
wait Enter old passphrase:
type new
wait Enter new passphrase (empty for no passphrase):
type newer
wait Enter same passphrase again:
type newer
wait Your identification has been saved with the new passphrase.
X
is "-p" "$rc" 0
unlike "-p: what is typed is not seen" "$out" 'newer'
ok "-p: it is changed" ssh-keygen -y -P newer -f k
talk "$TKEYGEN" -y -f k <<X
wait Enter passphrase for "k":
type wrong
X
is "-y, wrong" "$rc" 255
like "-y, wrong: words" "$out" '^Load key "k": incorrect passphrase supplied to decrypt private key$'

# Every way out of a prompt: the terminal echoes again, nothing is changed, nothing is written.
before=$(cat k)
for key in C \\; do
        talk "$TKEYGEN" -p -f k <<X
wait Enter old passphrase:
key $key
X
        isnt "Ctrl-$key at -p: status" "$rc" 0
        unlike "Ctrl-$key at -p: the terminal echoes" "$out" 'echo off'
        talk "$TKEYGEN" -q -f none <<X
wait (empty for no passphrase):
key $key
X
        isnt "Ctrl-$key at a new key: status" "$rc" 0
        unlike "Ctrl-$key at a new key: the terminal echoes" "$out" 'echo off'
done
for signal in 1:HUP 2:INT 3:QUIT 10:USR1 14:ALRM 15:TERM 24:XCPU; do
        talk "$TKEYGEN" -p -f k <<X
wait Enter old passphrase:
type newer
wait Enter new passphrase
signal ${signal#*:}
X
        is "SIG${signal#*:} at -p: ended by it" "$rc" $((128 + ${signal%:*}))
        unlike "SIG${signal#*:} at -p: the terminal echoes" "$out" 'echo off'
done
talk "$TKEYGEN" -q -f none <<X
wait (empty for no passphrase):
key D
X
isnt "Ctrl-D at a new key is no empty passphrase" "$rc" 0
unlike "Ctrl-D: the terminal echoes" "$out" 'echo off'
is "the key is as it was" "$(cat k)" "$before"
ok "and no other was made" not test -e none

# --- tadd --------------------------------------------------------------------------------------

ok "an agent starts" start_agent
ssh-keygen -q -p -P newer -N hush -a 1 -f k >/dev/null
cp k k2
talk "$TADD" k k2 <<X
wait Enter passphrase for k:
type mush
wait Bad passphrase, try again for k:
type hush
wait Identity added: k2
X
is "tadd: status" "$rc" 0
is "tadd: asked no more than needed" "$(printf '%s\n' "$out" | grep -c -i passphrase)" 2
unlike "tadd: what is typed is not seen" "$out" 'hush|mush'
"$TADD" -q -D
talk "$TADD" k <<X
wait Enter passphrase for k:
type
X
is "tadd: Enter gives up" "$rc" 1
for key in C D \\; do
        talk "$TADD" k <<X
wait Enter passphrase for k:
key $key
X
        isnt "tadd: Ctrl-$key gives up" "$rc" 0
        unlike "tadd: Ctrl-$key: the terminal echoes" "$out" 'echo off'
done
run "$TADD" -l
is "and nothing was added" "$rc" 1
# shellcheck disable=SC2016 # that shell's own
talk sh -c 'exec "$TADD" - <k' <<X
wait Enter passphrase for (stdin):
type hush
wait Identity added: (stdin)
X
is "tadd - <file: the terminal is asked" "$rc" 0
talk env DISPLAY=:9 SSH_ASKPASS=/bin/false "$TADD" k <<X
wait Enter passphrase for k:
type hush
X
is "a terminal goes before SSH_ASKPASS" "$rc" 0
talk "$TADD" -x <<X
wait Enter lock password:
type hush
wait Again:
type hush
wait Agent locked.
X
is "-x" "$rc" 0
talk "$TADD" -X <<X
wait Enter lock password:
type hush
wait Agent unlocked.
X
is "-X" "$rc" 0
unlike "-X: what is typed is not seen" "$out" hush

# Stopped by Ctrl-Z and gone on with: asked again.
# shellcheck disable=SC2016
talk sh -c 'set -m; "$TADD" k; fg >/dev/null; echo "status $?"' <<X
wait Enter passphrase for k:
key Z
wait Enter passphrase for k:
type hush
wait status 0
X
is "Ctrl-Z and fg" "$rc" 0
unlike "Ctrl-Z: what is typed is not seen" "$out" hush
done_testing
