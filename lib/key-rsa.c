/* SPDX-License-Identifier: ISC */
/*
 * RSA (RFC 4253, RFC 8332), by libcrypto. The key object and its blinding are kept. All limits are
 * checked before any arithmetic, and every signature is verified before it leaves: a fault in the
 * CRT half of it would give the key away.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* the RSA object keeps its blinding pair across signatures */
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "lib/key.h"
#include "lib/secret.h"

#define BITS_DEFAULT 3072
#define BYTES_MAX    (TA_RSA_BITS_MAX / 8)

static RSA *rsa(const TaKey *key) {
        return key->public;
}

static BIGNUM *number(TaBytes magnitude) {
        BIGNUM *n = BN_new();

        if (n && !BN_bin2bn(magnitude.data, (int)magnitude.len, n)) {
                BN_clear_free(n);
                return NULL;
        }
        return n;
}

static unsigned bits_of(TaBytes n) {
        return n.len == 0 ? 0
                          : (unsigned)(8 * n.len) - (unsigned)(__builtin_clz(n.data[0]) - 24);
}

static bool odd(TaBytes n) {
        return n.len > 0 && (n.data[n.len - 1] & 1);
}

static int check_public(TaBytes n, TaBytes e) {
        if (bits_of(n) < TA_RSA_BITS_MIN)
                return TA_E_WEAK;
        if (bits_of(n) > TA_RSA_BITS_MAX)
                return TA_E_LIMIT;
        if (!odd(n) || !odd(e) || (e.len == 1 && e.data[0] == 1))
                return TA_E_MALFORMED;
        return 0;
}

static int set_public(TaKey *key, TaBytes n, TaBytes e) {
        BIGNUM *bn = number(n), *be = number(e);

        key->public = RSA_new();
        if (!key->public || !bn || !be || RSA_set0_key(rsa(key), bn, be, NULL) != 1) {
                BN_free(bn);
                BN_free(be);
                return TA_E_CRYPTO;
        }
        return 0;
}

static int read_public(TaReader *r, TaKey *key) {
        TaBytes e = ta_read_mpint(r, TA_RSA_E_MAX_BYTES);
        TaBytes n = ta_read_mpint(r, BYTES_MAX);
        int err = r->err ? r->err : check_public(n, e);

        return err ? err : set_public(key, n, e);
}

static void write_number(TaWriter *w, const BIGNUM *n) {
        uint8_t bytes[BYTES_MAX];
        ta_wiped(bytes);
        int len = n ? BN_bn2bin(n, bytes) : -1;

        if (len < 0)
                w->err = w->err ? w->err : TA_E_CRYPTO;
        else
                ta_write_mpint(w, (TaBytes){bytes, (size_t)len});
}

static void write_public(const TaKey *key, TaWriter *w) {
        write_number(w, RSA_get0_e(rsa(key)));
        write_number(w, RSA_get0_n(rsa(key)));
}

struct parts {
        BIGNUM *d, *p, *q, *iqmp, *dp, *dq, *p1, *q1, *t;
        BN_CTX *ctx;
};

static void parts_clear(struct parts *s) {
        BN_clear_free(s->d);
        BN_clear_free(s->p);
        BN_clear_free(s->q);
        BN_clear_free(s->iqmp);
        BN_clear_free(s->dp);
        BN_clear_free(s->dq);
        BN_clear_free(s->p1);
        BN_clear_free(s->q1);
        BN_clear_free(s->t);
        BN_CTX_free(s->ctx);
}

/* n = p*q; e*d = 1 mod p-1 and mod q-1; iqmp*q = 1 mod p. Each costs microseconds. */
static int check_private(const RSA *key, struct parts *s) {
        const BIGNUM *n = RSA_get0_n(key), *e = RSA_get0_e(key);

        if (!BN_is_odd(s->p) || !BN_is_odd(s->q) || BN_is_one(s->p) || BN_is_one(s->q) ||
            BN_cmp(s->p, s->q) == 0 || BN_cmp(s->d, n) >= 0 || BN_cmp(s->iqmp, s->p) >= 0)
                return TA_E_MISMATCH;
        BN_set_flags(s->d, BN_FLG_CONSTTIME);
        if (!BN_mul(s->t, s->p, s->q, s->ctx))
                return TA_E_CRYPTO;
        if (BN_cmp(s->t, n) != 0)
                return TA_E_MISMATCH;
        if (!BN_sub(s->p1, s->p, BN_value_one()) || !BN_sub(s->q1, s->q, BN_value_one()) ||
            !BN_mod(s->dp, s->d, s->p1, s->ctx) || !BN_mod(s->dq, s->d, s->q1, s->ctx) ||
            !BN_mod_mul(s->t, e, s->dp, s->p1, s->ctx))
                return TA_E_CRYPTO;
        if (!BN_is_one(s->t))
                return TA_E_MISMATCH;
        if (!BN_mod_mul(s->t, e, s->dq, s->q1, s->ctx))
                return TA_E_CRYPTO;
        if (!BN_is_one(s->t))
                return TA_E_MISMATCH;
        if (!BN_mod_mul(s->t, s->iqmp, s->q, s->p, s->ctx))
                return TA_E_CRYPTO;
        return BN_is_one(s->t) ? 0 : TA_E_MISMATCH;
}

static int read_private(TaReader *r, TaKey *key, bool with_public) {
        ta_cleanup(parts_clear) struct parts s = {0};
        TaBytes n = {0}, e = {0}, d, iqmp, p, q;
        int err;

        if (with_public) {
                n = ta_read_mpint(r, BYTES_MAX);
                e = ta_read_mpint(r, TA_RSA_E_MAX_BYTES);
        }
        d = ta_read_mpint(r, BYTES_MAX);
        iqmp = ta_read_mpint(r, BYTES_MAX);
        p = ta_read_mpint(r, BYTES_MAX);
        q = ta_read_mpint(r, BYTES_MAX);
        if (r->err)
                return r->err;
        if (with_public) {
                err = check_public(n, e);
                if (!err)
                        err = set_public(key, n, e);
                if (err)
                        return err;
        }
        s = (struct parts){number(d),  number(p), number(q), number(iqmp), BN_new(),
                           BN_new(),   BN_new(),  BN_new(),  BN_new(),     BN_CTX_secure_new()};
        if (!s.d || !s.p || !s.q || !s.iqmp || !s.dp || !s.dq || !s.p1 || !s.q1 || !s.t || !s.ctx)
                return TA_E_CRYPTO;
        err = check_private(rsa(key), &s);
        if (err)
                return err;
        if (RSA_set0_key(rsa(key), NULL, NULL, s.d) != 1)
                return TA_E_CRYPTO;
        s.d = NULL;
        if (RSA_set0_factors(rsa(key), s.p, s.q) != 1)
                return TA_E_CRYPTO;
        s.p = s.q = NULL;
        if (RSA_set0_crt_params(rsa(key), s.dp, s.dq, s.iqmp) != 1)
                return TA_E_CRYPTO;
        s.dp = s.dq = s.iqmp = NULL;
        return 0;
}

static void write_private(const TaKey *key, TaWriter *w, bool with_public) {
        const RSA *k = rsa(key);

        if (with_public) {
                write_number(w, RSA_get0_n(k));
                write_number(w, RSA_get0_e(k));
        }
        write_number(w, RSA_get0_d(k));
        write_number(w, RSA_get0_iqmp(k));
        write_number(w, RSA_get0_p(k));
        write_number(w, RSA_get0_q(k));
}

static int generate(TaKey *key, unsigned bits) {
        BIGNUM *e = BN_new();
        int good;

        if (bits == 0)
                bits = BITS_DEFAULT;
        if (bits < TA_RSA_BITS_MIN || bits > TA_RSA_BITS_MAX) {
                BN_free(e);
                return bits < TA_RSA_BITS_MIN ? TA_E_WEAK : TA_E_LIMIT;
        }
        key->public = RSA_new();
        good = e && key->public && BN_set_word(e, RSA_F4) &&
               RSA_generate_key_ex(rsa(key), (int)bits, e, NULL) == 1;
        BN_free(e);
        return good ? 0 : TA_E_CRYPTO;
}

typedef struct Scheme {
        const char *name;
        int nid;
        unsigned char *(*hash)(const unsigned char *data, size_t len, unsigned char *out);
        unsigned hash_len;
} Scheme;

static const Scheme schemes[] = {
        {"rsa-sha2-256", NID_sha256, SHA256, 32},
        {"rsa-sha2-512", NID_sha512, SHA512, 64},
        {"ssh-rsa", NID_sha1, SHA1, 20},
};

/* The blinding is made new at the next signature. Where memory runs out between the two halves of
 * its update they no longer belong together, and libcrypto would go on with them. */
static void renew_blinding(RSA *key) {
        RSA_blinding_off(key);
        RSA_clear_flags(key, RSA_FLAG_NO_BLINDING);
}

/* RSA_verify() says no also where memory was short; only the errors that it left tell which. */
static bool memory_was_short(void) {
        bool is_short = false;
        unsigned long err;

        while ((err = ERR_get_error()) != 0)
                is_short |= ERR_GET_REASON(err) == ERR_R_MALLOC_FAILURE;
        return is_short;
}

static int sign(const TaKey *key, TaBytes data, uint32_t flags, TaWriter *w) {
        const Scheme *scheme = flags & SSH_AGENT_RSA_SHA2_256   ? &schemes[0]
                               : flags & SSH_AGENT_RSA_SHA2_512 ? &schemes[1]
                                                                : &schemes[2];
        uint8_t hash[SHA512_DIGEST_LENGTH], sig[BYTES_MAX];
        unsigned len = 0, size = (unsigned)RSA_size(rsa(key));

        if (!scheme->hash(data.data, data.len, hash))
                return TA_E_CRYPTO;
        ERR_clear_error();
        if (RSA_sign(scheme->nid, hash, scheme->hash_len, sig, &len, rsa(key)) != 1 || len != size) {
                renew_blinding(rsa(key));
                return TA_E_CRYPTO;
        }
        if (RSA_verify(scheme->nid, hash, scheme->hash_len, sig, len, rsa(key)) != 1) {
                renew_blinding(rsa(key));
                return memory_was_short() ? TA_E_CRYPTO : TA_E_FAULT;
        }
        ta_write_cstring(w, scheme->name);
        ta_write_string(w, (TaBytes){sig, len});
        return w->err;
}

static int verify(const TaKey *key, TaBytes algorithm, TaBytes data, TaReader *r) {
        TaBytes sig = ta_read_string(r);
        uint8_t hash[SHA512_DIGEST_LENGTH], padded[BYTES_MAX];
        size_t size = (size_t)RSA_size(rsa(key));

        if (r->err)
                return r->err;
        if (sig.len == 0 || sig.len > size)
                return TA_E_SIGNATURE;
        memset(padded, 0, size - sig.len); /* some signers drop leading zeros */
        memcpy(padded + size - sig.len, sig.data, sig.len);
        for (size_t i = 0; i < TA_N_ELEMENTS(schemes); i++) {
                if (!ta_bytes_is(algorithm, schemes[i].name))
                        continue;
                if (!schemes[i].hash(data.data, data.len, hash))
                        return TA_E_CRYPTO;
                return RSA_verify(schemes[i].nid, hash, schemes[i].hash_len, padded,
                                  (unsigned)size, rsa(key)) == 1
                               ? 0
                               : TA_E_SIGNATURE;
        }
        return TA_E_SIGNATURE;
}

static unsigned size_of(const TaKey *key) {
        return (unsigned)RSA_bits(rsa(key));
}

static void clear(TaKey *key) {
        RSA_free(key->public); /* clears the private numbers */
}

const TaKeyType ta_key_rsa = {
        .name = "ssh-rsa",
        .cert_name = "ssh-rsa-cert-v01@openssh.com",
        .shown = "RSA",
        .option = "rsa",
        .slow = true,
        .read_public = read_public,
        .write_public = write_public,
        .read_private = read_private,
        .write_private = write_private,
        .generate = generate,
        .sign = sign,
        .verify = verify,
        .size = size_of,
        .clear = clear,
};
