/* SPDX-License-Identifier: ISC */
/*
 * What can be wrong. Functions return 0, one of these codes, or -errno from a system call; the
 * codes start at -10000, so that the two never collide. Nothing else means success than 0.
 */
#ifndef TA_LIB_ERROR_H
#define TA_LIB_ERROR_H

/* code, words that complete the sentence "cannot do this: ..." */
#define TA_ERRORS(row)                                                                             \
        row(TRUNCATED, "the data ends too early")                                                  \
        row(TRAILING, "there are bytes after the end of the data")                                 \
        row(LIMIT, "a length or number is over its limit")                                         \
        row(MALFORMED, "invalid format")                                                           \
        row(ALGORITHM, "the key type or algorithm is not supported")                               \
        row(CIPHER, "the cipher or key derivation of the file is not supported")                   \
        row(COST, "the key derivation of the file asks for more work than is allowed")             \
        row(WEAK, "the key is too short")                                                          \
        row(MISMATCH, "the public and the private half do not belong together")                    \
        row(SIGNATURE, "the signature is wrong")                                                   \
        row(PASSPHRASE, "incorrect passphrase supplied to decrypt private key")                    \
        row(NEED_PASSPHRASE, "a passphrase is needed")                                             \
        row(NOT_FOUND, "not found")                                                                \
        row(EXISTS, "it is there already")                                                         \
        row(EXPIRED, "it has expired")                                                             \
        row(LOCKED, "the agent is locked")                                                         \
        row(REFUSED, "agent refused operation")                                                    \
        row(CANCELLED, "cancelled")                                                                \
        row(CONSTRAINT, "a constraint is unknown, repeated or badly formed")                       \
        row(FULL, "the protected memory is full")                                                  \
        row(CRYPTO, "the cryptographic library failed")                                            \
        row(PROTOCOL, "the other side sent an unexpected answer")                                  \
        row(NO_AGENT, "no agent can be reached")                                                   \
        row(NO_PRIVATE, "there is no private half")                                                \
        row(KEEPERS, "the processes that hold the keys have ended")                               \
        row(FAULT, "a signature does not verify; the key has been damaged in memory")

enum {
        TA_E_BASE = -10000,
#define TA_ERROR_ENUM(name, words) TA_E_##name,
        TA_ERRORS(TA_ERROR_ENUM)
#undef TA_ERROR_ENUM
        TA_E_END,
};

/* The words of any code a function of ours returns, -errno included. Static or per-thread storage;
 * never NULL. */
const char *ta_strerror(int err);

/* The name of the code ("TRUNCATED", "ENOENT"), for logs and --json; never NULL. */
const char *ta_errname(int err);

#endif
