# SPDX-License-Identifier: ISC
#
# beside.sh: tkeygen and ssh-keygen side by side, on top of rig.sh. The same command in two copies
# of the same folder ($T/d, which the script fills) must print the same words, end with the same
# status and leave the same files. Where OpenSSH 10.5 says something else than the ssh-keygen that is
# installed, it is 10.5 that is followed.

mkdir "$T/d"
cd "$T/d" || exit 99
input= # for standard input, as printf's format

# Two prompts name the file since 9.9; the name of the program stands before some complaints; the
# command that repairs permissions is tkeygen's own.
words_of_10_5() {
        tr -d '\r' | sed -e 's/^ssh-keygen: //' -e '/^To repair it: /d' \
                -e 's/Enter passphrase \((empty\)/Enter passphrase for "FILE" \1/g' \
                -e 's/Enter passphrase for "[^"]*" \((empty\)/Enter passphrase for "FILE" \1/g'
}

# one PROGRAM ARG...: runs it in a fresh copy of the folder, on no terminal; prints what it said and
# which files changed, new keys by their kind alone.
one() {
        rm -rf "$T/w"
        cp -a "$T/d" "$T/w"
        one_rc=0
        # shellcheck disable=SC2059 # a format it is
        (cd "$T/w" && printf "$input" | setsid -w "$@") >"$T/one.out" 2>"$T/one.err" || one_rc=$?
        echo "status $one_rc"
        sed "s/^/out: /" "$T/one.out"
        words_of_10_5 <"$T/one.err" | sed 's/^/err: /'
        diff -rq "$T/d" "$T/w" | sed -n -e "s|^Only in $T/w[:/]*||p" -e 's/.* and \(.*\) differ$/\1/p' |
                while read -r one_file; do
                        one_file=$T/w/${one_file##*/}
                        echo "file ${one_file##*/} $(stat -c %a "$one_file")" \
                                "$(head -n 1 "$one_file" | cut -d' ' -f1,3- | sed 's/ *$//')"
                done
}

# same ARG...: alike in everything.
same() {
        one ssh-keygen "$@" >"$T/stock"
        one "$TKEYGEN" "$@" >"$T/ours"
        if cmp -s "$T/stock" "$T/ours"; then
                pass "tkeygen $*${input:+ < $input}"
        else
                fail "tkeygen $*${input:+ < $input}" "$(diff "$T/stock" "$T/ours")"
        fi
}
