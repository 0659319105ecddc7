#!/bin/sh
# SPDX-License-Identifier: ISC
# Pages and programs say the same: options, exit statuses, environment, and the numbers of the
# protocol. Every page is well formed, is installed, and refers to pages that there are.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need mandoc groff make

man=$TA_SRCDIR/man
pages=$(grep -o 'man/[a-z-]*\.[1-8]' "$TA_SRCDIR/man/local.mk" | sed 's,man/,,')

# section PAGE NAME: its lines.
section() {
        awk -v name="$2" '/^\.Sh / { on = ($0 == ".Sh " name) } on' "$man/$1"
}

# flags: every option that the mdoc source on standard input names, one a line.
flags() {
        awk '/^\./ {
                n = split(substr($0, 2), word, " ")
                on = 0
                for (i = 1; i <= n; i++) {
                        if (word[i] == "Fl") { on = 1; continue }
                        if (word[i] ~ /^[A-Z][a-z]$/) { on = 0; continue }
                        if (!on || word[i] ~ /^[|,.;:()]+$/) continue
                        if (word[i] ~ /^-/) { print "-" word[i]; continue }
                        for (c = 1; c <= length(word[i]); c++) print "-" substr(word[i], c, 1)
                }
        }' | sort -u
}

# missing WANTED HAVE: lines of the first that are not in the second, on one line.
missing() {
        printf '%s\n' "$1" | while read -r line; do
                printf '%s\n' "$2" | grep -qxFe "$line" || printf '%s ' "$line"
        done
}

# --- every page --------------------------------------------------------------------------------

isnt "there are pages" "$pages" ""
is "every page in man/ is listed" "$(cd "$man" && echo *.[1-8])" \
        "$(printf '%s\n' "$pages" | LC_ALL=C sort | paste -sd' ')"
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$TA_BUILDDIR" install-man DESTDIR="$T/dest" \
        >"$T/install" 2>&1 || diag "$(cat "$T/install")"
for page in $pages; do
        is "$page: mandoc has no complaint" "$(mandoc -T lint -W warning "$man/$page" 2>&1)" ""
        is "$page: groff has none" "$(groff -mdoc -ww -Tutf8 -z "$man/$page" 2>&1)" ""
        ok "$page is installed" test -s \
                "$(find "$T/dest" -path "*/man/man${page##*.}/$page" 2>/dev/null)"
        wrong=
        # shellcheck disable=SC2013 # names have no blanks
        for target in $(sed -n 's/^\.Xr \([^ ]*\) \([1-8]\).*/\1.\2/p' "$man/$page"); do
                case $target in
                tagent* | tadd* | tkeygen*) [ -e "$man/$target" ] || wrong="$wrong $target" ;;
                esac
        done
        is "$page refers to pages that there are" "$wrong" ""
done

# --- options and environment -------------------------------------------------------------------

unset SSH_AUTH_SOCK
agrees() { # PAGE PROGRAM SOURCE...
        page=$1 program=$2
        shift 2
        help=$(options_of "$program")
        isnt "$page: --help names options" "$help" ""
        is "$page describes every option of --help" "$(missing "$help" \
                "$(grep '^\.It Fl' "$man/$page" | flags)")" ""
        # One name of each is enough there.
        is "$page: SYNOPSIS names every option of --help" "$(missing \
                "$("$program" --help | sed -n 's/^  \(-[A-Za-z]\)[ ,].*/\1/p; s/^      \(--[a-z-]*\).*/\1/p')" \
                "$(section "$page" SYNOPSIS | flags)")" ""
        unknown=
        for flag in $(missing "$(flags <"$man/$page")" "$help"); do
                # Not shown by --help: then the program must know it all the same.
                if "$program" "$flag" x 2>&1 </dev/null | grep -q 'unknown option'; then
                        unknown="$unknown $flag"
                fi
        done
        is "$page names no option that there is not" "$unknown" ""
        is "$page: ENVIRONMENT is what the program reads" \
                "$(section "$page" ENVIRONMENT | sed -n 's/^\.It Ev //p' | tr -d ' ' | tr , '\n' |
                        sort -u | paste -sd' ')" \
                "$(grep -Eoh '(getenv|is_set)\("[A-Z_]*"' "$@" | cut -d'"' -f2 | sort -u | paste -sd' ')"
}
cd "$TA_SRCDIR" || exit 99
agrees tagent.1 "$TAGENT" agent/*.c lib/file.c
agrees tadd.1 "$TADD" tools/ask.c tools/tadd*.c lib/client.c lib/file.c
agrees tkeygen.1 "$TKEYGEN" tools/ask.c tools/tkeygen*.c lib/file.c
cd "$T" || exit 99

# --- exit statuses: those that happen are those that are documented ----------------------------

seen=
status() { # COMMAND...
        run timeout 10 "$@"
        seen="$seen $rc"
}
statuses_of() { # PAGE
        # shellcheck disable=SC2086 # a list of numbers
        is "$1: EXIT STATUS" \
                "$(section "$1" "EXIT STATUS" | sed -n 's/^\.It \([0-9]*\)$/\1/p' | paste -sd' ')" \
                "$(printf '%s\n' $seen | sort -nu | paste -sd' ')"
        seen=
}

: >"$T/empty"
status "$TAGENT" -V
status "$TAGENT" -k
status "$TAGENT" -E none
spawn "$TAGENT" -D -a "$T/s" >"$T/log" 2>&1
wait_for test -S "$T/s"
SSH_AUTH_SOCK=$T/s
export SSH_AUTH_SOCK

agent=$pid agent_seen=$seen seen=
status "$TKEYGEN" -q -N '' -f "$T/k"
status "$TKEYGEN" -q -N '' -f "$T/k"
status "$TKEYGEN" -l -f "$T/empty"
statuses_of tkeygen.1
status "$TADD" -q "$T/k"
status "$TADD" "$T/none"
status env -u SSH_AUTH_SOCK "$TADD" -l
status "$TADD" -l -d
statuses_of tadd.1

kill "$agent"
rc=0
wait "$agent" || rc=$?
seen="$agent_seen $rc"
statuses_of tagent.1
status "$TA_KEEPER" 3>&-
status "$TA_KEEPER" 3<>/dev/null 4<>/dev/null
statuses_of tagent-keeper.8
status "$TA_UNLOCKER"
# shellcheck disable=SC2016 # that shell's own
status sh -c '{ "$TA_UNLOCKER" name </dev/null 3</dev/null 4>&1; echo $? >"$1"; } | cat; exit "$(cat "$1")"' \
        - "$T/status"
statuses_of tagent-unlocker.8

# --- the protocol ------------------------------------------------------------------------------

plain mandoc -Tascii -O width=200 "$man/tagent-protocol.7" >"$T/protocol"
proto=$TA_SRCDIR/lib/proto.h
# Each number stands behind its name: in a table, or in brackets.
wrong=$(sed -n 's/^#define \(SSH[A-Z0-9_]*\)  *\([0-9]*\).*/\1 \2/p' "$proto" |
        while read -r name number; do
                grep -Eq "$name +\(?$number([ ),]|\$)" "$T/protocol" || printf '%s ' "$name"
        done)
is "every number of the protocol is in tagent-protocol.7" "$wrong" ""
wrong=$(sed -n 's/^#define TA_\(EXT\|CONSTRAIN\)_[A-Z_]* *"\(.*\)".*/\2/p' "$proto" |
        while read -r name; do
                grep -qF "$name" "$T/protocol" || printf '%s ' "$name"
        done)
is "and the name of every extension and constraint" "$wrong" ""
section tagent-protocol.7 LIMITS | sed -n 's/^\.It \([0-9]*\) Ta .*/\1/p' >"$T/limits"
for limit in MSG_MAX KEY_BLOB_MAX LIST_MAX RSA_BITS_MIN RSA_BITS_MAX RSA_E_MAX_BYTES \
        CERT_PRINCIPALS_MAX SESSION_ID_MAX SESSION_BINDS_MAX; do
        expression=$(sed -n "s,^#define TA_$limit  *\([0-9(][0-9 *()]*\).*,\1,p" "$proto")
        # shellcheck disable=SC2004 # an expression, which dash takes only so
        ok "and the limit TA_$limit" grep -qx "$(($expression))" "$T/limits"
done
done_testing
