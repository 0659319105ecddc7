#!/bin/sh
# SPDX-License-Identifier: ISC
# OpenSSH's own regression tests (Debian's openssh-tests) with tagent as the agent and tadd as
# ssh-add, beside the system's ssh, sshd and ssh-keygen.
#
# They refuse to run as root. Root therefore runs them as a user who exists only inside a mount
# namespace of its own, with passwd, shadow and sudoers of that user laid over the system's: no
# file in /etc changes. Two of them need sudo; an ordinary user without it skips these.
#
# What is hidden from the tests, and why: ssh-dss, which the suite does not have; security keys,
# which need a provider inside the agent. The wrapper of ssh below leaves both out of its lists (one test asks a plain "ssh", so it is in PATH).
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh
under_test "$TAGENT" "$TADD"
regress=/usr/lib/openssh/regress
[ -e "$regress/test-exec.sh" ] || skip_all "openssh-tests is not installed"
[ -x "$SSHD" ] || skip_all "sshd is not installed"

# Two agents are started by some tests, so each needs a socket of its own.
if "$TAGENT" "-?" 2>&1 | grep -q -e '-[a-zA-Z]*T'; then agent_args=-T; else agent_args=; fi

W=$T/w
mkdir "$W" "$W/src" "$W/bin" "$W/h"
cp -r "$regress/." "$W/src/"
sed -i '/ENABLE_SK/d' "$W/src/config.h"
for program in "$TAGENT" "$TADD" "$TA_KEEPER"; do
        if program=$(command -v "$program"); then cp "$program" "$W/bin/"; fi
done
cat >"$W/bin/ssh" <<'X'
#!/bin/sh
case "$*" in
*"-Q key"*) /usr/bin/ssh "$@" | grep -v -e '^ssh-dss' -e '^sk-' ;;
*) exec /usr/bin/ssh "$@" ;;
esac
X
chmod 755 "$W/bin/ssh"

# one NAME: the outcome in words.
cat >"$W/one" <<X
#!/bin/sh
o=$W/o\$2
mkdir "\$o" && cd "\$o" || exit 1
cp $W/src/netcat $W/src/modpipe $W/src/setuid-allowed $W/src/mkdtemp $W/src/check-perm .
mkdir bin && cp $W/bin/* bin/
sudo=
if sudo -n true 2>/dev/null; then sudo=sudo; fi
env -i HOME=$W/h USER="\$(id -un)" LOGNAME="\$(id -un)" PATH="\$o/bin:/usr/bin:/bin:/usr/sbin:/sbin" LC_ALL=C \\
        TMPDIR="\$o" XDG_RUNTIME_DIR="\$o" \\
        \${sudo:+SUDO=sudo} OBJ="\$o" BUILDDIR=$W/src TEST_SHELL=/bin/sh \\
        TEST_SSH_UNSAFE_PERMISSIONS=1 TEST_SSH_PORT=\$((4240 + \$2)) \\
        OPENSSL_BIN=/usr/bin/openssl EXTRA_AGENT_ARGS=$agent_args \\
        TA_KEEPER="\$o/bin/${TA_KEEPER##*/}" TEST_SSH_SSH="\$o/bin/ssh" TEST_SSH_SSHD=$SSHD \\
        TEST_SSH_SSHAGENT="\$o/bin/${TAGENT##*/}" TEST_SSH_SSHADD="\$o/bin/${TADD##*/}" \\
        TEST_SSH_SSHKEYGEN=/usr/bin/ssh-keygen \\
        TEST_SSH_SFTPSERVER=/usr/lib/openssh/sftp-server \\
        timeout 120 sh $W/src/test-exec.sh "\$o" $W/src/\$1.sh >"\$o/log" 2>&1 </dev/null
echo "status \$?" >>"\$o/log"
X
cat >"$W/all" <<X
#!/bin/sh
n=0
for t in agent agent-timeout agent-subprocess agent-ptrace agent-getpeereid hostkey-agent cert-file
do
        n=\$((n + 1))
        sh $W/one \$t \$n &
done
wait
X

if [ "$(id -u)" = 0 ]; then
        unshare -m true 2>/dev/null || skip_all "needs an ordinary user: no mount namespace here"
        id=61234
        { cat /etc/passwd; echo "tatest:x:$id:$id::$W/h:/bin/sh"; } >"$W/passwd"
        { cat /etc/group; echo "tatest:x:$id:"; } >"$W/group"
        { cat /etc/shadow; echo "tatest:*:19000:0:99999:7:::"; } >"$W/shadow"
        chmod 640 "$W/shadow"
        { cat /etc/sudoers; echo "tatest ALL=(ALL) NOPASSWD: ALL"; } >"$W/sudoers" 2>/dev/null
        chmod 440 "$W/sudoers"
        cat >"$W/inside" <<X
mount --make-rprivate /
for f in passwd group shadow sudoers; do
        if [ -e /etc/\$f ]; then mount --bind $W/\$f /etc/\$f || exit 1; fi
done
exec setpriv --reuid=$id --regid=$id --clear-groups sh $W/all
X
        chown $id:$id "$W" "$W/h" "$W/bin" "$W/src"
        ok "the tests run" unshare -m sh "$W/inside"
else
        ok "the tests run" sh "$W/all"
fi

n=0
for t in agent agent-timeout agent-subprocess agent-ptrace agent-getpeereid hostkey-agent cert-file
do
        n=$((n + 1))
        log=$(cat "$W/o$n/log" 2>/dev/null)
        case $log in
        *"status 0")
                if printf '%s\n' "$log" | grep -q '^ok '; then
                        pass "$t"
                else
                        # Root has the user of these tests use sudo; an ordinary user may not.
                        why=$(printf '%s\n' "$log" | tail -n 2 | head -n 1)
                        case $(id -u):$t in
                        [1-9]*:agent-ptrace | [1-9]*:agent-getpeereid) why="needs root: $why" ;;
                        esac
                        skip "$t" "$why"
                fi
                ;;
        *) fail "$t" "$(printf '%s\n' "$log" | tail -n 25)" ;;
        esac
done
done_testing
