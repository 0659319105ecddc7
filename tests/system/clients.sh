#!/bin/sh
# SPDX-License-Identifier: ISC
# Programs that people use with an agent, each as they use it: OpenSSH's scp, sftp and ssh-keygen
# -Y, git, paramiko, PuTTY. Key types in turn, all through one agent.
# shellcheck disable=SC2317 # functions are called by name
. "${TA_SRCDIR:-.}/tests/support/tap.sh"
. "$TA_SRCDIR/tests/support/rig.sh"
need ssh ssh-add ssh-keygen scp sftp
under_test "$TAGENT" "$TADD" "$TKEYGEN"

types="ed25519 ecdsa rsa"
mkdir "$T/priv"
ok "an agent" start_agent
for type in $types; do
        case $type in rsa) bits=2048 ;; *) bits= ;; esac
        "$TKEYGEN" -q -t "$type" ${bits:+-b "$bits"} -N '' -C "$type@here" -f "$T/priv/$type"
        mv "$T/priv/$type.pub" "$T/"
        ok "$type: a key" "$TADD" -q "$T/priv/$type"
done
ok "sshd" start_sshd a 127.0.0.11
rm -rf "$T/priv"
echo "some data" >"$T/data"

# --- ssh-keygen -Y -----------------------------------------------------------------------------

for type in $types; do
        echo "me@here $(cut -d' ' -f1,2 "$T/$type.pub")" >"$T/signers"
        ok "ssh-keygen -Y sign: $type" ssh-keygen -q -Y sign -n file -f "$T/$type.pub" "$T/data"
        run ssh-keygen -Y verify -f "$T/signers" -I me@here -n file -s "$T/data.sig" <"$T/data"
        is "ssh-keygen -Y verify: $type" "$rc" 0
        rm -f "$T/data.sig"
done

# --- git ---------------------------------------------------------------------------------------

if have git; then
        git init -q "$T/repo"
        git -C "$T/repo" config user.name Me
        git -C "$T/repo" config user.email me@here
        git -C "$T/repo" config gpg.format ssh
        git -C "$T/repo" config gpg.ssh.allowedSignersFile "$T/signers"
        : >"$T/signers"
        for type in $types; do
                echo "me@here $(cut -d' ' -f1,2 "$T/$type.pub")" >>"$T/signers"
        done
        for type in $types; do
                git -C "$T/repo" config user.signingkey "key::$(cat "$T/$type.pub")"
                ok "git commit -S: $type" git -C "$T/repo" commit -q -S --allow-empty -m "$type"
                ok "git verify-commit: $type" git -C "$T/repo" verify-commit HEAD
        done
        git -C "$T/repo" config user.signingkey "$T/ed25519.pub"
        ok "git tag -s, the key named by its file" git -C "$T/repo" tag -s -m one one
        ok "git verify-tag" git -C "$T/repo" verify-tag one
        cat "$T/ed25519.pub" >"$T/authorized_keys"
        ok "git clone over ssh" env GIT_SSH="$T/s" git clone -q "a:$T/repo" "$T/clone"
        is "git: all is there" "$(git -C "$T/clone" log --oneline | wc -l)" 3
else
        skip "git" "git is not installed"
fi

# --- scp, sftp ---------------------------------------------------------------------------------

cp "$T/ed25519.pub" "$T/authorized_keys"
printf 'Subsystem sftp internal-sftp\n' >>"$T/sshd-a.conf"
kill -s HUP "$(cat "$T/sshd-a.pid")"
scp_works() { scp -q -F "$T/ssh_config" "$T/data" "a:$T/there"; }
ok "scp there" wait_for scp_works
ok "scp and back" scp -q -O -F "$T/ssh_config" "a:$T/there" "$T/back"
ok "scp: the same" cmp "$T/data" "$T/back"
printf 'put %s %s\nget %s %s\n' "$T/data" "$T/sftp-there" "$T/sftp-there" "$T/sftp-back" >"$T/batch"
sftp_works() { sftp -q -F "$T/ssh_config" -b "$T/batch" a; }
ok "sftp" sftp_works
ok "sftp: the same" cmp "$T/data" "$T/sftp-back"

# --- paramiko ----------------------------------------------------------------------------------

port=$(sed -n 's/^Port //p' "$T/sshd-a.conf")
cat >"$T/use-paramiko.py" <<'P'
import paramiko
import sys
port, user, host_key = int(sys.argv[1]), sys.argv[2], sys.argv[3]
keys = paramiko.Agent().get_keys()
print("keys", len(keys))
print("types", *sorted(k.get_name() for k in keys))
for k in keys:
    sig = paramiko.Message(k.sign_ssh_data(b"some data"))
    print("signature", k.get_name(), sig.get_text())
client = paramiko.SSHClient()
client.get_host_keys().add("[127.0.0.11]:%d" % port, "ssh-ed25519",
                           paramiko.Ed25519Key(filename=host_key))
client.connect("127.0.0.11", port, user, allow_agent=True, look_for_keys=False)
out = client.exec_command("echo entered")[1]
print(out.read().decode().strip())
client.close()
P
if /usr/bin/python3 -c 'import paramiko' 2>/dev/null; then
        cp "$T/rsa.pub" "$T/authorized_keys"
        run /usr/bin/python3 -W ignore "$T/use-paramiko.py" "$port" "$(id -un)" "$T/hk-a"
        is "paramiko logs in" "$rc $err$(printf '%s\n' "$out" | tail -n 1)" "0 entered"
        like "paramiko lists" "$out" '^keys 3$'
        like "paramiko signs: ed25519" "$out" '^signature ssh-ed25519 ssh-ed25519$'
        like "paramiko signs: ecdsa" "$out" '^signature ecdsa-sha2-nistp256 ecdsa-sha2-nistp256$'
        like "paramiko signs: rsa" "$out" '^signature ssh-rsa (ssh-rsa|rsa-sha2-256|rsa-sha2-512)$'
else
        skip "paramiko" "python3-paramiko is not installed"
fi

# --- PuTTY -------------------------------------------------------------------------------------

if have plink; then
        hash=$(ssh-keygen -lf "$T/hk-a.pub" | cut -d' ' -f2)
        for type in ed25519 rsa; do
                cp "$T/$type.pub" "$T/authorized_keys"
                run plink -batch -agent -hostkey "$hash" -P "$port" "$(id -un)@127.0.0.11" \
                        "echo entered"
                is "plink logs in: $type" "$out" entered
        done
        run plink -batch -A -hostkey "$hash" -P "$port" "$(id -un)@127.0.0.11" "$TADD -l"
        is "plink -A carries the agent" "$(printf '%s\n' "$out" | wc -l)" 3
        run plink -batch -noagent -hostkey "$hash" -P "$port" "$(id -un)@127.0.0.11" true
        isnt "plink does not enter without it" "$rc" 0
else
        skip "plink" "putty-tools is not installed"
fi
done_testing
