#!/bin/sh
# SPDX-License-Identifier: ISC
# What bash, zsh and fish offer is what the programs take: every option of --help and no other,
# every value of a closed list, and of ~/.ssh the files that make sense there.
# shellcheck disable=SC2317 # functions are called by name
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need bash zsh fish ssh make
under_test "$TAGENT" "$TADD" "$TKEYGEN"

dir=$TA_SRCDIR/data/completions
mkdir "$T/bin" "$T/here" "$T/none"
ln -s "$TAGENT" "$TADD" "$TKEYGEN" "$T/bin"
PATH=$T/bin:$PATH
lines=$T/lines
export PATH lines dir

# --- the drivers: each reads command lines from $lines, and writes LINE, tab, CANDIDATE ----------

cat >"$T/bash.driver" <<'X'
for file in "$dir"/bash/*; do . "$file"; done
while IFS= read -r line; do
        read -r -a COMP_WORDS <<<"$line"
        [[ $line == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
        function=$(complete -p "${COMP_WORDS[0]}")
        function=${function#*-F }
        "${function%% *}" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        for word in "${COMPREPLY[@]}"; do printf '%s\t%s\n' "$line" "$word"; done
done <"$lines"
X
offered_by_bash() {
        bash --norc --noprofile "$T/bash.driver"
}

cat >"$T/fish.driver" <<'X'
for file in $dir/fish/*.fish
        source $file
end
for line in (cat $lines)
        for candidate in (complete -C $line)
                printf '%s\t%s\n' $line (string split -f1 \t -- $candidate)
        end
end
X
offered_by_fish() {
        fish --no-config "$T/fish.driver"
}

# zsh completes only on a terminal: one is made, and a key is pressed there, which completes line
# after line. Each word that goes to compadd, which all candidates do, is written down.
cat >"$T/zsh.inner" <<'X'
fpath=($dir/zsh $fpath)
autoload -Uz compinit
compinit -D -u
zstyle ':completion:*' verbose no
compadd() {
        local -a hits
        [[ " ${(j: :)@} " == *' '-[OAD]' '* ]] || {     # only counting, not offering
                builtin compadd -A hits "$@"
                print -rl -- "$current"$'\t'$^hits >>$offered
        }
        builtin compadd "$@"
}
probe() {
        for current in ${(f)"$(<$lines)"}; do
                BUFFER=$current CURSOR=$#current
                zle complete-word
        done
        print end >>$offered
        BUFFER=
}
zle -N probe
bindkey '^P' probe
print ready >$offered
X
cat >"$T/zsh.driver" <<'X'
zmodload zsh/zpty zsh/zselect
: >$offered
zpty shell zsh -f -i
zpty -w shell "source $T/zsh.inner"
for ((tries = 0; tries < 500; tries++)); do
        zpty -r -t shell text # it must not wait for us
        case $(tail -n 1 $offered) in
        ready) zpty -w -n shell $'\C-p'; print >>$offered ;;
        end) break ;;
        esac
        zselect -t 2
done
zpty -d shell
X
offered_by_zsh() {
        env offered="$T/zsh.offered" zsh -f "$T/zsh.driver"
        if [ "$(tail -n 1 "$T/zsh.offered")" != end ]; then diag "zsh did not come to an end"; fi
        grep -F '	' "$T/zsh.offered"
}

# collect SHELL; then candidates LINE, sorted on one line.
collect() {
        (cd "$T/here" && "offered_by_$1") >"$T/offered" 2>"$T/offered.err"
        is "$1: no complaint" "$(cat "$T/offered.err")" ""
}
candidates() {
        grep -F "$1	" "$T/offered" | cut -f2 | grep -vx -e - -e '' | LC_ALL=C sort -u | paste -sd' '
}

# --- what is wanted ------------------------------------------------------------------------------

for key in id_ed25519 oddly_named other; do
        "$TKEYGEN" -q -N '' -C "$key" -f ~/.ssh/$key
done
rm ~/.ssh/other.pub
echo 'Host *' >~/.ssh/config
private="$HOME/.ssh/id_ed25519 $HOME/.ssh/oddly_named $HOME/.ssh/other"
public="$HOME/.ssh/id_ed25519.pub $HOME/.ssh/oddly_named.pub"

ok "an agent" start_agent
"$TADD" -q ~/.ssh/oddly_named
for shell in bash zsh fish; do
        printf '%s\n' 'tagent -' 'tadd -' 'tkeygen -' 'tagent -E ' 'tadd -E ' 'tkeygen -E ' \
                'tkeygen -t ' 'tkeygen -m ' 'tkeygen -Z ' 'tkeygen -t ecdsa -b ' 'tadd ' 'tadd -t 1h o' \
                'tadd -d ' 'tadd -T ' 'tkeygen -l -f ' >"$lines"
        collect $shell
        for program in tagent tadd tkeygen; do
                is "$shell: $program: the options of --help" "$(candidates "$program -")" \
                        "$(options_of $program | LC_ALL=C sort | paste -sd' ')"
                is "$shell: $program -E" "$(candidates "$program -E ")" "md5 sha256 sha512"
        done
        is "$shell: tkeygen -t" "$(candidates 'tkeygen -t ')" "ecdsa ed25519 rsa"
        is "$shell: tkeygen -m" "$(candidates 'tkeygen -m ')" "PEM PKCS8 RFC4716"
        is "$shell: tkeygen -Z" "$(candidates 'tkeygen -Z ')" \
                "$(ssh -Q cipher | LC_ALL=C sort | paste -sd' ')"
        like "$shell: tkeygen -b" " $(candidates 'tkeygen -t ecdsa -b ') " ' 384 '
        is "$shell: tadd: private keys" "$(candidates 'tadd ')" "$private"
        is "$shell: tadd -d: what the agent holds" "$(candidates 'tadd -d ')" \
                "$HOME/.ssh/oddly_named.pub"
        is "$shell: tadd -T: too" "$(candidates 'tadd -T ')" "$HOME/.ssh/oddly_named.pub"
        like "$shell: tkeygen -f: keys" " $(candidates 'tkeygen -l -f ') " " $HOME/.ssh/id_ed25519.pub "

        echo 'tadd -d ' >"$lines"
        SSH_AUTH_SOCK=$T/none/s collect $shell
        is "$shell: tadd -d without an agent: all" "$(candidates 'tadd -d ')" "$public"
done

# The values are not only offered, but taken.
try() { # OPTION VALUE: a key is made with them.
        rm -f "$T/new" "$T/new.pub"
        "$TKEYGEN" -q -a 1 -N 'correct horse' "$1" "$2" -f "$T/new" && test -s "$T/new"
}
for row in t:ecdsa t:ed25519 t:rsa m:PEM m:PKCS8 m:RFC4716; do
        ok "tkeygen takes -${row%:*} ${row#*:}" try "-${row%:*}" "${row#*:}"
done
for cipher in $(ssh -Q cipher); do
        ok "tkeygen takes -Z $cipher" try -Z "$cipher"
done

# --- installed where the shells look -------------------------------------------------------------

env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$TA_BUILDDIR" install-data DESTDIR="$T/dest" \
        >"$T/install" 2>&1 || diag "$(cat "$T/install")"
for program in tagent tadd tkeygen; do
        for path in bash-completion/completions/$program zsh/site-functions/_$program \
                fish/vendor_completions.d/$program.fish; do
                ok "installed: $path" test -s "$(find "$T/dest" -path "*/$path")"
        done
done
done_testing
