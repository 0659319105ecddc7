#!/bin/sh
# SPDX-License-Identifier: ISC
# The harness itself: a red case must be red, a dead script must not look finished, and nothing
# may stay behind.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"

tap=$TA_SRCDIR/tests/support/tap.sh
script() { # [ENVIRONMENT...] with the script on stdin
        { echo ". '$tap'"; cat; } >"$T/inner.sh"
        run env CI= "$@" sh "$T/inner.sh"
}

script <<'X'
ok a true
ok b not false
is c x x
like d 'one
two' '^two$'
unlike e one two
run sh -c 'echo o; echo e >&2; exit 3'
is f "$rc$out$err" 3oe
done_testing
X
is "all green: status" "$rc" 0
is "all green: lines" "$(printf '%s\n' "$out" | grep -c '^ok ')" 6
like "all green: plan" "$out" '^1\.\.6$'

script <<'X'
ok a false
is b x y
like c x y
unlike d x x
isnt e x x
fail f
done_testing
X
is "all red: status" "$rc" 1
is "all red: lines" "$(printf '%s\n' "$out" | grep -c '^not ok ')" 6

script <<'X'
ok a true
exit 0
X
isnt "an early end is no success" "$rc" 0
unlike "an early end prints no plan" "$out" '^1\.\.'

script <<'X'
skip a "no fish"
skip b "needs root"
done_testing
X
is "skips pass at home" "$rc" 0

script CI=true <<'X'
skip a "needs root"
skip b "needs an ordinary user"
done_testing
X
is "skips for the kind of user pass in CI" "$rc" 0

script CI=true <<'X'
skip a "no fish"
done_testing
X
is "other skips fail in CI" "$rc" 1

script CI=true <<'X'
need no-such-program-here
X
is "a missing program fails in CI" "$rc" 1

script CI=false <<'X'
need no-such-program-here
X
is "a missing program skips at home" "$rc" 0
like "and says which" "$out" '^1\.\.0 # SKIP no-such-program-here'

script <<'X'
spawn sleep 1000
echo "pid $pid"
echo "dir $T"
exit 0
X
child=$(printf '%s\n' "$out" | sed -n 's/^pid //p')
ok "its processes are ended" gone "$child"
ok "its directory is removed" not test -e "$(printf '%s\n' "$out" | sed -n 's/^dir //p')"
ok "wait_for gives up" not wait_for -t 1 false
is "HOME is its own" "$HOME" "$T/home"

done_testing
