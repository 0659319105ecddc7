#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Prints the largest RSA key that OpenSSH takes, as PEM, at once instead of after minutes: its primes
are public ones of 8192 bits, that of RFC 3526 (made from pi) and that of RFC 7919 (made from e)."""
import base64

BITS = 8192 + 64        # with some to spare


def pi():
    """Machin's formula."""
    def arctan_inverse(x):
        term = total = (1 << BITS) // x
        n, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total
    return 4 * (4 * arctan_inverse(5) - arctan_inverse(239))


def euler():
    term = total = 1 << BITS
    n = 1
    while term:
        term //= n
        total += term
        n += 1
    return total


def prime(constant, plus):
    return 2**8192 - 2**8128 - 1 + 2**64 * ((constant >> BITS - 8062) + plus)


def number(n):
    body = n.to_bytes(n.bit_length() // 8 + 1, "big")
    return b"\x02" + length(len(body)) + body


def length(n):
    return bytes([n]) if n < 128 else b"\x82" + n.to_bytes(2, "big")


p, q, e = prime(pi(), 4743158), prime(euler(), 10965728), 65537
d = pow(e, -1, (p - 1) * (q - 1))
body = b"".join(map(number, (0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))))
text = base64.b64encode(b"\x30" + length(len(body)) + body).decode()
print("-----BEGIN RSA PRIVATE KEY-----")
for i in range(0, len(text), 64):
    print(text[i:i + 64])
print("-----END RSA PRIVATE KEY-----")
