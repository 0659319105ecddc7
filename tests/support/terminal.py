#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Runs a program on a terminal of its own and holds a conversation with it.

    terminal.py COMMAND... <<X
    wait Enter passphrase for
    type correct horse
    X

Lines: "wait WORDS" until the terminal shows them (10 seconds at most), "type WORDS" with Enter,
"key C" for Ctrl-C, -D, -Z, "signal TERM" to send one to the program. Prints what the terminal showed, and a last line "[echo off]" if the
program left it so. The exit status is the program's, 128 + n after a signal, 99 if something was
waited for in vain.
"""
import fcntl
import os
import pty
import select
import signal
import sys
import termios
import time

steps = [line.rstrip("\n").partition(" ") for line in sys.stdin if line.strip()]
master, slave = pty.openpty()
pid = os.fork()
if pid == 0:
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])

shown = ""
seen = 0  # how far "wait" has come
status = None


def listen(seconds):
    """Takes what the terminal shows, for so long at most; False when the program has ended."""
    global shown, status
    if select.select([master], [], [], seconds)[0]:
        shown += os.read(master, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
        return True
    if status is None:
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = code
            return True
    return status is None


def give_up(words):
    if status is None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    print(shown)
    print("waited in vain for: " + words)
    sys.exit(99)


for verb, _, words in steps:
    limit = time.monotonic() + 10
    if verb == "wait":
        while shown.find(words, seen) < 0:
            if not listen(0.05) or time.monotonic() > limit:
                give_up(words)
        seen = shown.find(words, seen) + len(words)
    elif verb == "type":
        os.write(master, words.encode() + b"\n")
    elif verb == "key":
        os.write(master, bytes([ord(words) & 31]))
    elif verb == "signal":
        os.kill(pid, getattr(signal, "SIG" + words))
    else:
        sys.exit("terminal.py: what is '%s'?" % verb)

limit = time.monotonic() + 10
while listen(0.02):
    if time.monotonic() > limit:
        give_up("the end of the program")
print(shown, end="" if shown.endswith("\n") or not shown else "\n")
if not termios.tcgetattr(slave)[3] & termios.ECHO:
    print("[echo off]")
sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
