#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Makes needles for memscan from private keys, and signatures that leave residue.

  needles.py needles SOCKET COUNT OUT PASSPHRASE KEYFILE...
      Has the agent sign COUNT times with each key, then writes to OUT the secrets of the keys, of the
      last signatures, and the passphrase, in the forms that libraries use.
  needles.py load SOCKET KEYFILE...
      Signs with all keys in turn until it is ended.

Key files are OpenSSH's, without a passphrase. Only the standard library.
"""
import base64
import hashlib
import os
import re
import socket
import struct
import sys

LAST = 6                # signatures of each key whose residue is looked for: several processes sign
L25519 = 2**252 + 27742317777372353535851937790883648493
ORDERS = {
    "nistp256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "nistp384": int("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
                    "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16),
    "nistp521": int("01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA"
                    "51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16),
}
for name, order in ORDERS.items():      # a typing mistake would look for numbers that nobody has
    assert order.bit_length() == int(name[-3:]) and pow(2, order - 1, order) == 1, name
HASHES = {"nistp256": "sha256", "nistp384": "sha384", "nistp521": "sha512"}


# --- bytes -------------------------------------------------------------------------------------


def u32(n):
    return struct.pack(">I", n)


def string(b):
    return u32(len(b)) + b


def take(b):
    n = struct.unpack(">I", b[:4])[0]
    return b[4:4 + n], b[4 + n:]


def num(b):
    return int.from_bytes(b, "big")


def raw(n, bits):
    return n.to_bytes((bits + 7) // 8, "big")


# --- keys --------------------------------------------------------------------------------------


class Key:
    """`blob` names it to the agent; `flags` go with a request; `secrets` and `residue` are what must
    not be seen: (name, big-endian bytes)."""

    def __init__(self, path):
        self.name = re.sub(r"\W", "_", os.path.basename(path))
        body = "".join(open(path).read().split("\n")[1:-2])
        b = base64.b64decode(body)
        if not b.startswith(b"openssh-key-v1\0"):
            sys.exit(path + ": not a key file of OpenSSH's")
        b = b[15:]
        cipher, b = take(b)
        if cipher != b"none":
            sys.exit(path + ": has a passphrase")
        _, b = take(take(b)[1])
        self.blob, b = take(b[4:])
        private, _ = take(b)
        self.type, private = take(private[8:])
        self.flags = 4 if self.type == b"ssh-rsa" else 0
        self.kind = {b"ssh-ed25519": Ed25519, b"ssh-rsa": Rsa}.get(self.type, Ecdsa)
        self.numbers = self.kind.read(private)


class Ed25519:
    @staticmethod
    def read(b):
        public, b = take(b)
        seed = take(b)[0][:32]
        h = hashlib.sha512(seed).digest()
        scalar = int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254
        return {"public": public, "seed": seed, "expanded": h[:32], "prefix": h[32:], "scalar": scalar}

    @staticmethod
    def secrets(k):
        for name in ("seed", "expanded", "prefix"):
            yield name, k[name]
        yield "scalar", raw(k["scalar"], 256)
        yield "scalar-mod-L", raw(k["scalar"] % L25519, 256)

    @staticmethod
    def residue(k, data, signature):
        hashed = hashlib.sha512(k["prefix"] + data).digest()
        nonce = int.from_bytes(hashed, "little") % L25519
        challenge = hashlib.sha512(signature[:32] + k["public"] + data).digest()
        times = int.from_bytes(challenge, "little") * k["scalar"] % L25519
        yield "hashed-nonce", hashed
        yield "nonce", raw(nonce, 256)
        yield "challenge-times-scalar", raw(times, 256)

    @staticmethod
    def forms(b):
        """A scalar in the digits of the reference implementation: 21 bits each, and radix 16."""
        n = num(b)
        yield "21bit", b"".join(struct.pack("<q", n >> 21 * i & 0x1FFFFF) for i in range(12))
        digits, carry = [], 0
        for i in range(64):
            d = (n >> 4 * i & 15) + carry
            carry = (d + 8) >> 4 if i < 63 else 0
            digits.append((d - 16 * carry) & 255)
        yield "radix16", bytes(digits)


class Ecdsa:
    @staticmethod
    def read(b):
        curve, b = take(b)
        _, b = take(b)
        curve = curve.decode()
        n = ORDERS[curve]
        return {"d": num(take(b)[0]), "n": n, "bits": n.bit_length(), "hash": HASHES[curve]}

    @staticmethod
    def secrets(k):
        r = 1 << (k["bits"] + 63) // 64 * 64
        yield "d", raw(k["d"], k["bits"])
        yield "d-mont", raw(k["d"] * r % k["n"], k["bits"])

    @staticmethod
    def residue(k, data, signature):
        r, rest = take(signature)
        r, s, d, n, bits = num(r), num(take(rest)[0]), k["d"], k["n"], k["bits"]
        digest = hashlib.new(k["hash"], data).digest()
        h = num(digest) >> max(0, len(digest) * 8 - bits)
        mont = 1 << (bits + 63) // 64 * 64
        nonce = (h + r * d) * pow(s, -1, n) % n
        inverse = pow(nonce, -1, n)
        yield "nonce", raw(nonce, bits)
        yield "nonce-plus-n", raw(nonce + n, bits + 8)
        yield "nonce-plus-2n", raw(nonce + 2 * n, bits + 8)
        yield "nonce-inverse", raw(inverse, bits)
        yield "nonce-mont", raw(nonce * mont % n, bits)
        yield "nonce-inverse-mont", raw(inverse * mont % n, bits)
        yield "rd", raw(r * d % n, bits)
        yield "h-plus-rd", raw((h + r * d) % n, bits)

    @staticmethod
    def forms(b):
        return ()


class Rsa:
    @staticmethod
    def read(b):
        v = []
        for _ in range(6):
            f, b = take(b)
            v.append(num(f))
        n, e, d, iqmp, p, q = v
        return {"n": n, "d": d, "p": p, "q": q, "dp": d % (p - 1), "dq": d % (q - 1), "iqmp": iqmp}

    @staticmethod
    def secrets(k):
        for name in ("d", "p", "q", "dp", "dq", "iqmp"):
            yield name, raw(k[name], k[name].bit_length())
        r = 1 << (k["p"].bit_length() + 63) // 64 * 64
        yield "iqmp-mont", raw(k["iqmp"] * r % k["p"], k["p"].bit_length())

    @staticmethod
    def residue(k, data, signature):
        s, p, q = num(signature), k["p"], k["q"]
        h = (s % p - s % q) * k["iqmp"] % p     # with the signature it gives q
        for name, m, x in (("p", p, s), ("q", q, s), ("crt-h", p, h)):
            bits = m.bit_length()
            yield "s-mod-" + name, raw(x % m, bits)
            yield "s-mod-%s-mont" % name, raw((x % m << (bits + 63) // 64 * 64) % m, bits)

    @staticmethod
    def forms(b):
        """The digits of the routines for processors with AVX-512 IFMA."""
        n = num(b)
        yield "52bit", b"".join(struct.pack("<Q", n >> 52 * i & (1 << 52) - 1)
                                for i in range((len(b) * 8 + 51) // 52))


def forms(b):
    """The bytes as numbers and texts are kept."""
    yield "be", b
    yield "le", b[::-1]
    padded = b"\0" * (-len(b) % 8) + b
    yield "words", b"".join(padded[i:i + 8][::-1] for i in range(0, len(padded), 8))
    yield "halfwords", b"".join(padded[i:i + 4][::-1] for i in range(0, len(padded), 4))
    yield "hex", b.hex().encode()
    yield "HEX", b.hex().upper().encode()
    for phase in range(3):      # without the characters that also depend on what stands before or after
        text = base64.b64encode(b"\0" * phase + b).rstrip(b"=")
        yield "base64-%d" % phase, text[(0, 2, 3)[phase]:len(text) - (len(b) + phase) % 3 % 2 - 1]


# --- an agent ----------------------------------------------------------------------------------


class Agent:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.f = self.s.makefile("rb")

    def sign(self, key, data):
        request = b"\x0d" + string(key.blob) + string(data) + u32(key.flags)
        self.s.sendall(string(request))
        n = struct.unpack(">I", self.f.read(4))[0]
        reply = self.f.read(n)
        if reply[:1] != b"\x0e":
            sys.exit("no signature by " + key.name)
        _, rest = take(take(reply[1:])[0])
        return take(rest)[0]


def write(out, name, bytes_, more=lambda b: ()):
    for form, value in (*forms(bytes_), *more(bytes_)):
        if len(value) >= 16:
            out.write("%s %s %s\n" % (name, form, value.hex()))


def needles(path, count, out_path, passphrase, files):
    agent = Agent(path)
    with open(out_path, "w") as out:
        out.write("canary raw %s\n" % os.urandom(32).hex())
        if len(passphrase) < 16:
            sys.exit("a passphrase has to have 16 characters, to be looked for")
        write(out, "passphrase", passphrase.encode())
        write(out, "passphrase.sha512", hashlib.sha512(passphrase.encode()).digest())  # bcrypt's key
        for key in map(Key, files):
            last = []
            for _ in range(count):
                data = os.urandom(40)
                last = last[1 - LAST:] + [(data, agent.sign(key, data))]
            for name, value in key.kind.secrets(key.numbers):
                write(out, key.name + "." + name, value, key.kind.forms)
            for i, (data, signature) in enumerate(last):
                for name, value in key.kind.residue(key.numbers, data, signature):
                    write(out, "%s.%d.%s" % (key.name, i, name), value, key.kind.forms)


def load(path, files):
    agent, keys = Agent(path), [Key(f) for f in files]
    while True:
        for key in keys:
            agent.sign(key, os.urandom(40))


if sys.argv[1] == "needles":
    needles(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5], sys.argv[6:])
elif sys.argv[1] == "load":
    load(sys.argv[2], sys.argv[3:])
else:
    sys.exit(__doc__)
