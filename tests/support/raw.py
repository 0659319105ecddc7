#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Sends an agent what no honest client sends, and says in TAP what it did with it.

Started by tests/system/badinput.sh with the agent's socket, the agent's process ids (whose memory
is watched), the folder of the keys, and optionally the words "stock", with which rows that
ssh-agent is known to fail are left out, and "instrumented", with which memory is not measured.
Only the standard library: keys are made from fixed bytes or by ssh-keygen beforehand.
"""
import os
import resource
import socket
import struct
import sys
import time

FAILURE, SUCCESS, ANSWER, SIGNATURE, EXT_FAILURE = 5, 6, 12, 14, 28
SOCK = sys.argv[1]
PIDS = [int(p) for p in sys.argv[2].split(",")]
DIR = sys.argv[3]
STOCK = "stock" in sys.argv[4:]
MEASURED = "instrumented" not in sys.argv[4:]
count = failed = 0


def u32(n):
    return struct.pack(">I", n)


def string(b):
    return u32(len(b)) + b


def frame(b):
    return string(b)


def mpint(n):
    b = n.to_bytes((n.bit_length() + 8) // 8, "big") if n else b""
    return string(b)


class Dropped(Exception):
    pass


class Client:
    def __init__(self, timeout=10):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(SOCK)            # blocking: a full backlog waits
        self.s.settimeout(timeout)

    def take(self, n):
        b = b""
        while len(b) < n:
            try:
                c = self.s.recv(n - len(b))
            except ConnectionResetError:
                c = b""
            if not c:
                raise Dropped()
            b += c
        return b

    def reply(self):
        return self.take(struct.unpack(">I", self.take(4))[0])

    def ask(self, b):
        try:
            self.s.sendall(frame(b))
        except (BrokenPipeError, ConnectionResetError):
            pass                        # an answer or the end is still to be read
        return self.reply()

    def close(self):
        self.s.close()


def ask(b):
    c = Client()
    try:
        return c.ask(b)
    finally:
        c.close()


def code(b):
    try:
        return ask(b)[0]
    except Dropped:
        return "dropped"


def n_keys():
    return struct.unpack(">I", ask(b"\x0b")[1:5])[0]


def rss():
    total = 0
    for p in PIDS if MEASURED else ():
        for line in open("/proc/%d/status" % p):
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total


def case(name):
    def run(f):
        global count, failed
        count += 1
        try:
            ask(b"\x13")
            f()
            for p in PIDS:
                assert os.path.exists("/proc/%d" % p), "a process of the agent ended"
            assert ask(b"\x0b")[0] == ANSWER, "the agent no longer answers"
            print("ok %d - %s" % (count, name), flush=True)
        except Exception as e:  # any surprise is a failed case, never the end of the run
            failed += 1
            print("not ok %d - %s\n# %s: %s" % (count, name, type(e).__name__, e), flush=True)
    return run


def same(got, want, what=""):
    assert got == want, "%s got %r, want %r" % (what, got, want)


# --- keys --------------------------------------------------------------------------------------


def keyfile(name):
    """The private section of an unencrypted openssh-key-v1 file: what an add request carries."""
    import base64
    body = "".join(open(os.path.join(DIR, name)).read().split("\n")[1:-2])
    b = base64.b64decode(body)[15:]
    out = []
    for _ in range(3):
        n = struct.unpack(">I", b[:4])[0]
        out.append(b[4:4 + n])
        b = b[4 + n:]
    b = b[4:]
    fields = []
    for _ in range(2):
        n = struct.unpack(">I", b[:4])[0]
        fields.append(b[4:4 + n])
        b = b[4 + n:]
    return fields[0], fields[1][8:]


def fields(b, n):
    out = []
    for _ in range(n):
        k = struct.unpack(">I", b[:4])[0]
        out.append(b[4:4 + k])
        b = b[4 + k:]
    return out


ED_BLOB, ed_rest = keyfile("ed25519")
ED = fields(ed_rest, 4)                 # type, public, private, comment
EC_BLOB, ec_rest = keyfile("ecdsa")
EC = fields(ec_rest, 5)                 # type, curve, point, scalar, comment
RSA_BLOB, rsa_rest = keyfile("rsa")
RSA = fields(rsa_rest, 8)               # type, n, e, d, iqmp, p, q, comment


def join(f):
    return b"".join(string(x) for x in f)


def add(f, constraints=b""):
    return (b"\x19" if constraints else b"\x11") + join(f) + constraints


def sign(blob, data, flags=0):
    return b"\x0d" + string(blob) + string(data) + u32(flags)


def refused(message, what=""):
    same(code(message), FAILURE, what)
    same(n_keys(), 0, what + ": keys afterwards")


# --- rows --------------------------------------------------------------------------------------


@case("F1 length 0: dropped")
def _():
    c = Client()
    c.s.sendall(u32(0) + b"\x0b")
    try:
        c.reply()
        raise AssertionError("answered")
    except Dropped:
        pass


@case("F2 lengths over the limit: dropped after four bytes, without the memory")
def _():
    before = rss()
    for n in (262145, 2**31, 2**32 - 1):
        c = Client()
        c.s.sendall(u32(n) + b"\x0b")
        try:
            c.reply()
            raise AssertionError("%d answered" % n)
        except Dropped:
            pass
    assert rss() - before < 4096, "memory grew by %d KiB" % (rss() - before)


@case("F3 an add cut at every offset: nothing is stored")
def _():
    whole = frame(add(ED))
    for n in range(len(whole)):
        c = Client()
        c.s.sendall(whole[:n])
        c.close()
    same(n_keys(), 0)


def open_files():
    """As many descriptors as this process and the agent may both have, less some to spare."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limits = [hard]
    for line in open("/proc/%d/limits" % PIDS[0]):
        if line.startswith("Max open files"):
            limits.append(int(line.split()[3]))
    return min(limits) - 100


@case("F4 half messages, ten thousand or as many as may be: others are served, memory is bounded")
def _():
    most = 500 if STOCK else min(10000, open_files())
    ask(b"\x0b")
    before = rss()
    slow = []
    # Nothing, a piece of the length, the type, and bytes of messages with and without secrets.
    pieces = (b"", b"\0\0", u32(1), u32(256) + b"\x0d", u32(256) + b"\x0d" + bytes(200),
              u32(4096) + b"\x11" + bytes(8))
    for i in range(most):
        c = Client()
        if pieces[i % len(pieces)]:
            c.s.sendall(pieces[i % len(pieces)])
        slow.append(c)
        if i % 500 == 0:
            same(n_keys(), 0)
    same(n_keys(), 0)
    grown = rss() - before
    assert grown <= 2 * most + 2048, "%d clients cost %d KiB" % (most, grown)
    same(code(add(ED)), SUCCESS)
    same(code(sign(ED_BLOB, b"x")), SIGNATURE)
    for c in slow[2:200:len(pieces)]:  # they may go on at any time
        c.s.sendall(b"\x0b")
        same(c.reply()[0], ANSWER)
    for c in slow:
        c.close()
    ask(b"\x13")


@case("F5 pipelined 1000 requests: answered in order")
def _():
    same(code(add(ED)), SUCCESS)
    c = Client(30)
    c.s.sendall(b"".join(frame(b"\x0b" if i % 2 else b"\xfa") for i in range(1000)))
    for i in range(1000):
        same(c.reply()[0], ANSWER if i % 2 else FAILURE, i)
    c.close()


@case("F5 a client that never reads: memory stays bounded, others are served")
def _():
    same(code(add(ED)), SUCCESS)
    before = rss()
    c = Client()
    c.s.setblocking(False)
    sent, block = 0, frame(b"\x0b") * 1000
    end = time.monotonic() + 2
    try:
        while time.monotonic() < end and sent < 16 << 20:
            try:
                sent += c.s.send(block)
            except BlockingIOError:
                time.sleep(0.01)
    except (BrokenPipeError, ConnectionResetError):
        pass
    same(n_keys(), 1)
    assert rss() - before < 8192, "memory grew by %d KiB" % (rss() - before)
    c.close()


@case("F6 inner strings longer than the message, every field")
def _():
    for f in (ED, EC, RSA):
        for i in range(len(f)):
            for n in (2**32 - 1, 2**31, len(join(f)) + 1):
                refused(b"\x11" + join(f[:i]) + u32(n) + f[i], "field %d" % i)
    # ssh-agent ends itself on a malformed lock or unlock.
    for m in (b"\x0d", b"\x12", b"\x1b") + (() if STOCK else (b"\x16", b"\x17")):
        refused(m + u32(2**32 - 1) + b"x", "message %d" % m[0])
        refused(m, "message %d without a body" % m[0])


@case("F7 trailing bytes")
def _():
    same(code(add(ED)), SUCCESS)
    for m in () if STOCK else (b"\x0b", sign(ED_BLOB, b"x"), b"\x12" + string(ED_BLOB), b"\x13",
                               b"\x16" + string(b"p")):
        same(code(m + b"\0"), FAILURE, "message %d" % m[0])
    same(n_keys(), 1)
    ask(b"\x13")
    refused(add(ED) + b"\0", "add")


@case("F8 unknown messages: failure, each on one connection")
def _():
    known = (9, 11, 13, 17, 18, 19, 20, 21, 22, 23, 25, 26, 27)
    c = Client()
    for n in range(256):
        if n not in known:
            same(c.ask(bytes([n])), b"\x05", "message %d" % n)
    same(c.ask(b"\x0b")[0], ANSWER)


@case("F8 unknown extension: failure")
def _():
    assert code(b"\x1b" + string(b"nobody@example.org") + b"x") in (FAILURE, EXT_FAILURE)


@case("F9 constraints that are twice, unknown or out of range: the key is not added")
def _():
    for what, c in (("lifetime twice", b"\x01" + u32(9) + b"\x01" + u32(9)),
                    ("confirm twice", b"\x02\x02"), ("unknown", b"\x07"), ("maxsign", b"\x03" + u32(1)),
                    ("unknown extension", b"\xff" + string(b"x@y") + string(b"")),
                    ("cut lifetime", b"\x01\0\0"), ("no name", b"\xff")):
        refused(add(ED, c), what)
    for n in () if STOCK else (0, 2**32 - 1):
        refused(add(ED, b"\x01" + u32(n)), "%d seconds" % n)


@case("F11 a bind with a bad signature is refused and the connection goes on")
def _():
    bind = string(b"session-bind@openssh.com")
    c = Client()
    for sig in (b"", b"\0" * 83, string(b"ssh-ed25519") + string(b"\0" * 64)):
        b = b"\x1b" + bind + string(ED_BLOB) + string(b"s" * 32) + string(sig) + b"\0"
        assert c.ask(b)[0] in (FAILURE, EXT_FAILURE)
    same(c.ask(b"\x0b")[0], ANSWER)


@case("F11 after a bad bind a good one of the client's own making opens nothing")
def _():
    sid, bind = b"s" * 32, b"\x1b" + string(b"session-bind@openssh.com") + string(ED_BLOB)
    same(code(add(ED)), SUCCESS, "add")
    sig = ask(sign(ED_BLOB, sid))[5:]
    c = Client()
    assert c.ask(bind + string(sid) + string(b"junk") + b"\1")[0] in (FAILURE, EXT_FAILURE)
    same(c.ask(bind + string(sid) + string(sig) + b"\0")[0], SUCCESS, "the bind")
    if not STOCK:                       # which lets any connection remove keys
        same(c.ask(b"\x13")[0], FAILURE, "remove-all")
        same(n_keys(), 1, "keys")


@case("F11 a bind while locked is answered, not obeyed as a lock")
def _():
    same(code(b"\x16" + string(b"p")), SUCCESS)
    b = b"\x1b" + string(b"session-bind@openssh.com") + string(ED_BLOB) + string(b"s") + string(b"")
    assert code(b + b"\0") in (FAILURE, EXT_FAILURE)
    same(code(b"\x17" + string(b"p")), SUCCESS)


@case("F12 mpints with leading zeros, negative, empty, too long")
def _():
    for what, n in (("negative", b"\x80" + RSA[1][2:]), ("empty", b""),
                    ("16 KiB + 1", b"\x01" * 16385)):
        refused(add(RSA[:1] + [n] + RSA[2:]), what)
    if not STOCK:
        refused(add(RSA[:1] + [b"\0\0" + RSA[1]] + RSA[2:]), "leading zeros")


def num(b):
    return int.from_bytes(b, "big")


def rsa(**kw):
    n, e, d, iqmp, p, q = (kw.get(k, num(v)) for k, v in
                           zip(("n", "e", "d", "iqmp", "p", "q"), RSA[1:7]))
    return b"\x11" + string(RSA[0]) + b"".join(mpint(x) for x in (n, e, d, iqmp, p, q)) + string(b"c")


if not STOCK:
    @case("F13 RSA of impossible shape, decided at once")
    def _():
        n, p = num(RSA[1]), num(RSA[5])
        for what, kw in (("even n", dict(n=n - 1)), ("512 bits", dict(n=n >> (n.bit_length() - 512) | 1)),
                         ("1023 bits", dict(n=n >> (n.bit_length() - 1023) | 1)),
                         ("16385 bits", dict(n=1 << 16384 | 1)), ("square", dict(n=p * p, q=p)),
                         ("p = 1", dict(p=1)), ("q = 1", dict(q=1)), ("e = 1", dict(e=1)),
                         ("e = 2", dict(e=2)), ("even e", dict(e=65536)),
                         ("e over 2^32", dict(e=2**32 + 1))):
            t = time.monotonic()
            refused(rsa(**kw), what)
            assert time.monotonic() - t < 0.5, "%s took %.2f s" % (what, time.monotonic() - t)

    @case("F14 RSA whose parts do not belong together")
    def _():
        n, d, i, p = num(RSA[1]), num(RSA[3]), num(RSA[4]), num(RSA[5])
        for what, kw in (("n", dict(n=n + 2)), ("d", dict(d=d + 2)), ("iqmp", dict(iqmp=i + 1)),
                         ("p", dict(p=p + 2)), ("d = 0", dict(d=0))):
            refused(rsa(**kw), what)

    @case("F15 Ed25519 halves that do not belong together or have a wrong length")
    def _():
        other = bytes([ED[1][0] ^ 1]) + ED[1][1:]
        refused(add([ED[0], other, ED[2], b"c"]), "public")
        refused(add([ED[0], other, ED[2][:32] + other, b"c"]), "both public parts")


@case("F15 Ed25519 of 63 and 65 bytes")
def _():
    for private in (ED[2][:63], ED[2] + b"\0", b""):
        refused(add([ED[0], ED[1], private, b"c"]), "private of %d" % len(private))
    for public in (ED[1][:31], ED[1] + b"\0", b""):
        refused(add([ED[0], public, ED[2], b"c"]), "public of %d" % len(public))


@case("F16 EC scalars and points that cannot be")
def _():
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    head = b"\x11" + join(EC[:3])
    for what, n in (("0", 0), ("n", order), ("over n", order + 5)):
        refused(head + mpint(n) + string(b"c"), "scalar " + what)
    x, y = EC[2][1:33], EC[2][33:]
    for what, pt in (("infinity", b"\0"), ("off the curve", b"\x04" + x + bytes(32)),
                     ("compressed", bytes([2 + (y[31] & 1)]) + x), ("of P-384", b"\x04" + bytes(96)),
                     ("empty", b"")):
        refused(b"\x11" + join(EC[:2]) + string(pt) + join(EC[3:]), "point " + what)
    refused(b"\x11" + join([EC[0], b"nistp384"] + EC[2:]), "curve name")


@case("F17 a certificate whose key is another's")
def _():
    import base64
    cert = base64.b64decode(open(os.path.join(DIR, "other-cert.pub")).read().split()[1])
    refused(b"\x11" + join([b"ssh-ed25519-cert-v01@openssh.com", cert, ED[1], ED[2], b"c"]))


@case("F18 the same key twice: constraints are replaced whole")
def _():
    same(code(add(ED, b"\x02")), SUCCESS)
    same(code(sign(ED_BLOB, b"x")), FAILURE, "confirm without anybody to ask")
    same(code(add(ED)), SUCCESS)
    same(n_keys(), 1)
    same(code(sign(ED_BLOB, b"x")), SIGNATURE)


@case("F19 RSA hashes by flag")
def _():
    same(code(add(RSA)), SUCCESS)
    for flags, name in ((2, b"rsa-sha2-256"), (4, b"rsa-sha2-512"), (6, b"rsa-sha2-256")):
        r = ask(sign(RSA_BLOB, b"x", flags))
        same(r[0], SIGNATURE)
        same(fields(r[5:], 1)[0], name)


@case("F20 signing nothing and the largest message")
def _():
    same(code(add(ED)), SUCCESS)
    same(code(sign(ED_BLOB, b"")), SIGNATURE)
    room = 262144 - 1 - 4 - len(ED_BLOB) - 4 - 4
    same(code(sign(ED_BLOB, b"x" * room)), SIGNATURE)
    same(code(sign(ED_BLOB, b"x" * (room + 1))), "dropped")


@case("F21 lock: wrong passphrases, twice, requests while locked, others not delayed")
def _():
    same(code(add(ED)), SUCCESS)
    same(code(b"\x17" + string(b"p")), FAILURE, "unlock when not locked")
    same(code(b"\x16" + string(b"")), FAILURE, "empty lock")
    same(code(b"\x16" + string(b"p")), SUCCESS)
    same(code(b"\x16" + string(b"q")), FAILURE, "lock twice")
    same(n_keys(), 0, "list while locked")
    for m in (sign(ED_BLOB, b"x"), add(EC), b"\x12" + string(ED_BLOB), b"\x13"):
        same(code(m), FAILURE, "message %d while locked" % m[0])
    guess = Client()
    guess.s.sendall(frame(b"\x17" + string(b"wrong")) * (3 if STOCK else 20))
    t = time.monotonic()
    n_keys()
    if not STOCK:
        assert time.monotonic() - t < 0.5, "a list waited %.2f s" % (time.monotonic() - t)
    guess.close()
    end = time.monotonic() + 10
    while code(b"\x17" + string(b"p")) != SUCCESS:
        assert time.monotonic() < end, "the right passphrase never opens"
        time.sleep(0.1)
    same(n_keys(), 1)


@case("F59 comments are kept byte for byte")
def _():
    for c in (b"a\nb", b"\x1b[31m", "\u202eabc".encode(), b"x" * 65536, b"\xff\xfe", b""):
        ask(b"\x13")
        same(code(add(ED[:3] + [c])), SUCCESS, repr(c[:8]))
        same(ask(b"\x0b"), b"\x0c" + u32(1) + string(ED_BLOB) + string(c), repr(c[:8]))


print("1..%d" % count)
sys.exit(failed != 0)
