#!/bin/sh
# SPDX-License-Identifier: ISC
# The floors of the house (ARCHITECTURE.md): who may include whom, which files may know libcrypto,
# that every file is listed where it is built, and that every unit of lib/ has its test. Each rule
# is also tried on a copy of the tree that breaks it, so that none of them passes by being blind.
. "${TA_SRCDIR:-.}/tests/support/tap.sh"

# The floor of a file, first match; what has none here has not been thought about.
floors='
5 tools/ agent/main. agent/keeper/main. agent/unlocker/
4 lib/client. lib/cli. agent/agent. agent/dispatch. agent/keepers. agent/launcher. agent/op- agent/prompter. agent/sandbox. agent/server. agent/session. agent/shell. agent/socket.
3 agent/binding. agent/body. agent/keyring. agent/log. agent/loop. agent/policy. agent/link. agent/launch. agent/turns. agent/warden. agent/keeper/
2 lib/message. lib/constraint. lib/keyfile lib/pubfile. lib/file.
1 lib/key lib/cert. lib/evp. lib/fingerprint. lib/kdf lib/text.
0 lib/base. lib/error. lib/proto. lib/secret lib/wire. lib/allsecret. lib/registers. lib/seccomp.'

libcrypto='lib/evp. lib/fingerprint. lib/key- lib/keyfile- lib/pubfile. lib/secret.'

# Units of lib/ whose test is another file's, and which.
tested_by='
base test-file: it closes descriptors and no more
key-ecdsa test-key: a row of the table that it goes through
key-ed25519 test-key
key-rsa test-key
key-sk test-key
keyfile-openssh test-keyfile: reached through lib/keyfile.h alone
keyfile-pem test-keyfile
registers test-allsecret
secret-malloc test-allsecret: a program that is linked with it'

sources() { # TREE
        (cd "$1" && find lib agent tools -name '*.[ch]' | sort)
}

# includes TREE: "file include" for each line, the include with its quotes or brackets.
includes() {
        (cd "$1" && find lib agent tools -name '*.[ch]' -exec \
                sed -n 's/^[ \t]*#[ \t]*include[ \t]*\([<"][^>"]*[>"]\).*/\1/;T;F;p' {} + | paste - -)
}

# Each rule prints what breaks it in TREE, nothing if all is well.

from_the_root() {
        includes "$1" | while read -r file include; do
                case $include in
                '"'*) include=${include#?}
                        [ -f "$1/${include%?}" ] || echo "$file includes $include from elsewhere" ;;
                esac
        done
}

downwards() {
        includes "$1" | awk -v floors="$floors" '
                function floor_of(file,   i) {
                        for (i = 1; i <= n; i++) if (index(file, prefix[i]) == 1) return floor[i]
                        print file " has no floor"
                        return -1
                }
                BEGIN {
                        lines = split(floors, line, "\n")
                        for (l = 1; l <= lines; l++) {
                                words = split(line[l], word, " ")
                                for (w = 2; w <= words; w++) { prefix[++n] = word[w]; floor[n] = word[1] }
                        }
                        # The longer name first: lib/keyfile before lib/key.
                        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
                                if (length(prefix[j]) > length(prefix[i])) {
                                        t = prefix[i]; prefix[i] = prefix[j]; prefix[j] = t
                                        t = floor[i]; floor[i] = floor[j]; floor[j] = t
                                }
                }
                $2 ~ /^"/ {
                        gsub(/"/, "", $2)
                        if (floor_of($1) < floor_of($2)) print $1 " includes " $2 ", a floor above it"
                }'
}

apart() {
        includes "$1" | awk '
                { gsub(/[<>"]/, "", $2) }
                $1 ~ /^agent\// && $2 ~ /^tools\// || $1 ~ /^tools\// && $2 ~ /^agent\// ||
                $1 ~ /^lib\// && $2 ~ /^(agent|tools)\// { print $1 " includes " $2 }
                $1 ~ /^agent\/keeper\// && $2 ~ /^agent\// && $2 !~ /^agent\/(keeper\/|link\.h$)/ {
                        print $1 " includes " $2 ", which is the front" }'
}

no_desktop() {
        includes "$1" | grep -E '<(glib|gio|gobject|libsecret|dbus)' || :
}

crypto_in_its_place() {
        includes "$1" | grep '<openssl/' | while read -r file include; do
                for place in $libcrypto; do
                        case $file in "$place"*) continue 2 ;; esac
                done
                echo "$file includes $include"
        done
}

listed() {
        cat "$1"/lib/local.mk "$1"/agent/local.mk "$1"/tools/local.mk |
                grep -o '[a-z]*/[a-z0-9/-]*\.[ch]' | sort -u >"$T/listed"
        sources "$1" | while read -r file; do
                grep -qxF "$file" "$T/listed" || echo "$file is in no local.mk"
        done
}

tested() {
        (cd "$1" && find lib -name '*.c') | while read -r file; do
                unit=$(basename "$file" .c)
                [ -f "$1/tests/lib/test-$unit.c" ] || printf '%s\n' "$tested_by" | grep -q "^$unit test-" ||
                        echo "$file has no tests/lib/test-$unit.c"
        done
}

# holds RULE NAME: in the real tree.
holds() {
        broken=$("$1" "$TA_SRCDIR")
        if [ -z "$broken" ]; then pass "$2"; else fail "$2" "$broken"; fi
}

# sees RULE NAME FILE LINE...: a tree in which the lines stand in the file breaks the rule.
sees() {
        sees_rule=$1 sees_name=$2 sees_file=$T/tree/$3
        shift 3
        mkdir -p "$(dirname "$sees_file")"
        [ -f "$sees_file" ] && cp "$sees_file" "$T/kept"
        printf '%s\n' "$@" >>"$sees_file"
        like "and is seen to be broken: $sees_name" "$("$sees_rule" "$T/tree")" .
        rm "$sees_file"
        if [ -f "$T/kept" ]; then mv "$T/kept" "$sees_file"; fi
}

mkdir -p "$T/tree/tests/lib"
(cd "$TA_SRCDIR" && find lib agent tools \( -name '*.[ch]' -o -name local.mk \) -print) |
        while read -r file; do
                mkdir -p "$T/tree/$(dirname "$file")"
                cp "$TA_SRCDIR/$file" "$T/tree/$file"
        done
cp "$TA_SRCDIR"/tests/lib/test-*.c "$T/tree/tests/lib"
chmod -R u+w "$T/tree"

ok "there are includes to look at" test "$(includes "$TA_SRCDIR" | wc -l)" -gt 300
holds from_the_root "includes are written from the root"
sees from_the_root "a short include" lib/wire.c '#include "wire.h"'
holds downwards "includes stay on their floor or point down"
sees downwards "bytes include keys" lib/wire.c '#include "lib/key.h"'
sees downwards "a policy that can reply" agent/policy.c '  #  include "agent/session.h"'
sees downwards "a file without a floor" lib/new.c '#include "lib/base.h"'
holds apart "agent, keeper, tools and lib keep to themselves"
sees apart "a tool that includes the agent" tools/tadd.c '#include "agent/log.h"'
sees apart "an agent that includes a tool" agent/main.c '#include "tools/ask.h"'
sees apart "a keeper that includes the front" agent/keeper/serve.c '#include "agent/loop.h"'
holds no_desktop "nothing includes GLib, libsecret or D-Bus"
sees no_desktop "GLib in lib/" lib/text.c '#include <glib.h>'
sees no_desktop "GLib in a keeper" agent/keeper/main.c '#include <gio/gio.h>'
holds crypto_in_its_place "libcrypto is known only where keys are"
sees crypto_in_its_place "libcrypto among the messages" lib/message.c '#include <openssl/evp.h>'
holds listed "every file is in a local.mk"
sees listed "a header that nobody ships" lib/forgotten.h '/* */'
holds tested "every unit of lib/ has its test"
sees tested "a unit without one" lib/untested.c '/* */'
done_testing
