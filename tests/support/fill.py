#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Fills an agent with keys, and asks them to sign.

  fill.py SOCKET ED25519 RSA       adds so many keys of each kind, RSA ones of 4096 bits first, until it
                                   has them or one is refused; then every key that was taken signs.
                                   Prints "added N ed25519, M rsa; signed N+M; answered X to the last".
  fill.py edge SOCKET              adds Ed25519 keys until one is refused, then takes away one at a time
                                   until an RSA key fits, which then signs in each way. Prints "fits".
  fill.py keeper COMMAND...        runs a keeper as the agent does, but for the warden, and ends its
                                   link. Prints "level L, status S".

The RSA keys are distinct products of few primes, since to find a prime for each would take minutes.
They protect nothing. Only the standard library, and libsodium by its own name.
"""
import ctypes
import ctypes.util
import hashlib
import itertools
import os
import socket
import struct
import subprocess
import sys

# Prime number i is the odd number that starts from 256 hashed bytes, plus twice this.
OFFSETS = (317, 110, 88, 1515, 1010, 47, 1666, 136, 326, 294, 393, 697, 1619, 1238, 266)
E = 65537


def prime(i):
    s = b"".join(hashlib.sha512(b"prime %d %d" % (i, j)).digest() for j in range(4))
    return (int.from_bytes(s, "big") | 3 << 2046 | 1) + 2 * OFFSETS[i]


def string(b):
    return struct.pack(">I", len(b)) + b


def mpint(n):
    return string(n.to_bytes(n.bit_length() // 8 + 1, "big") if n else b"")


def rsa_keys():
    """Pairs of (public blob, what follows the type in an add request)."""
    primes = [prime(i) for i in range(len(OFFSETS))]
    for p, q in itertools.combinations(primes, 2):
        n, d = p * q, pow(E, -1, (p - 1) * (q - 1))
        blob = string(b"ssh-rsa") + mpint(E) + mpint(n)
        yield blob, string(b"ssh-rsa") + b"".join(map(mpint, (n, E, d, pow(q, -1, p), p, q)))


def ed25519_keys():
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
    public, private = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    for i in itertools.count():
        sodium.crypto_sign_seed_keypair(public, private, hashlib.sha256(b"seed %d" % i).digest())
        kind = string(b"ssh-ed25519")
        blob = kind + string(public.raw)
        yield blob, blob + string(private.raw)


class Agent:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.f = self.s.makefile("rb")

    def ask(self, message):
        self.s.sendall(string(message))
        return self.f.read(struct.unpack(">I", self.f.read(4))[0])

    def signs(self, blob):
        return self.ask(b"\x0d" + string(blob) + string(b"data") + b"\0\0\0\4")[:1] == b"\x0e"


def fill(path, n_ed25519, n_rsa):
    agent, taken, answer = Agent(path), {"rsa": [], "ed25519": []}, 6
    for kind, keys, n in (("rsa", rsa_keys(), n_rsa), ("ed25519", ed25519_keys(), n_ed25519)):
        for blob, rest in itertools.islice(keys, n):
            answer = agent.ask(b"\x11" + rest + string(b"c"))[0]
            if answer != 6:
                break
            taken[kind].append(blob)
    signed = sum(map(agent.signs, taken["rsa"] + taken["ed25519"]))
    print("added %d ed25519, %d rsa; signed %d; answered %d to the last"
          % (len(taken["ed25519"]), len(taken["rsa"]), signed, answer))


def edge(path):
    agent, taken = Agent(path), []
    for blob, rest in ed25519_keys():
        if agent.ask(b"\x11" + rest + string(b"c"))[0] != 6:
            break
        taken.append(blob)
    blob, rest = next(rsa_keys())
    while agent.ask(b"\x11" + rest + string(b"c"))[0] != 6:
        if agent.ask(b"\x12" + string(taken.pop()))[0] != 6:
            sys.exit("a key that was there is not")
    for flags in (b"\0", b"\2", b"\4"):
        if agent.ask(b"\x0d" + string(blob) + string(b"data") + b"\0\0\0" + flags)[0] != 14:
            sys.exit("no signature with flags %d" % flags[0])
    if not all(map(agent.signs, taken)):
        sys.exit("not all sign")
    print("fits")


def keeper(command):
    link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    body, _ = os.pipe()

    def move():
        a, b = os.dup2(theirs.fileno(), 20), os.dup2(body, 21)
        os.dup2(a, 3)
        os.dup2(b, 4)
        os.closerange(5, 64)

    child = subprocess.Popen(command, preexec_fn=move, close_fds=False, env={})
    theirs.close()
    hello = link.recv(256)
    link.close()
    print("level %d, status %d" % (hello[8] if len(hello) > 8 else -1, child.wait()))


if sys.argv[1] == "keeper":
    keeper(sys.argv[2:])
elif sys.argv[1] == "edge":
    edge(sys.argv[2])
else:
    fill(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
