/* SPDX-License-Identifier: ISC */
/*
 * F51: the library says that it has signed, and has not, or not what it was told, or gives a length
 * that cannot be (OpenSSL 3.0 was seen to do so when memory was short). Nothing of it is released,
 * and the next signature, when the library has come to itself, is right.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <dlfcn.h>
#include <glib.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "lib/key.h"

#define DATA "what is signed"

static enum Lie {
        TRUTH,
        NOTHING,   /* success, and the output as it was */
        NO_LENGTH, /* a signature of length 0 */
        SHORTER,   /* by a byte */
        LONGER,
        ENORMOUS, /* 2^32 - 1 */
        GARBAGE,  /* of the right length */
        ANOTHER,  /* the signature of something else */
        N_LIES,
} lie;

static void *real(const char *name) {
        void *found = dlsym(RTLD_NEXT, name);

        g_assert_nonnull(found);
        return found;
}

static unsigned length_told(unsigned len) {
        switch (lie) {
        case NO_LENGTH:
                return 0;
        case SHORTER:
                return len - 1;
        case LONGER:
                return len + 1;
        case ENORMOUS:
                return UINT32_MAX;
        default:
                return len;
        }
}

/* ---- in place of the libraries' ---------------------------------------------------------- */

int RSA_sign(int type, const unsigned char *hash, unsigned len, unsigned char *out,
             unsigned *ret_len, RSA *rsa) {
        int (*sign)(int, const unsigned char *, unsigned, unsigned char *, unsigned *, RSA *);
        unsigned char other[64];
        int done = 1;

        *(void **)&sign = real("RSA_sign");
        memset(other, 'x', sizeof other);
        if (lie == NOTHING)
                *ret_len = (unsigned)RSA_size(rsa);
        else
                done = sign(type, lie == ANOTHER ? other : hash, len, out, ret_len, rsa);
        if (lie == GARBAGE)
                randombytes_buf(out, *ret_len);
        *ret_len = length_told(*ret_len);
        return done;
}

/* It gives numbers: as long as they are told to be, or too long. */
ECDSA_SIG *ECDSA_do_sign(const unsigned char *hash, int len, EC_KEY *key) {
        ECDSA_SIG *(*sign)(const unsigned char *, int, EC_KEY *);
        unsigned char other[64], number[80];
        ECDSA_SIG *sig;
        int n = EC_GROUP_order_bits(EC_KEY_get0_group(key)) / 8;

        *(void **)&sign = real("ECDSA_do_sign");
        memset(other, 'x', sizeof other);
        randombytes_buf(number, sizeof number);
        sig = sign(lie == ANOTHER ? other : hash, len, key);
        if (!sig || lie == TRUTH || lie == ANOTHER)
                return sig;
        if (lie == NOTHING || lie == NO_LENGTH)
                n = 0;
        else if (lie == SHORTER)
                n--;
        else if (lie == LONGER)
                n += 2;
        else if (lie == ENORMOUS)
                n = sizeof number;
        g_assert_true(ECDSA_SIG_set0(sig, BN_bin2bn(number, n, NULL), BN_bin2bn(number, n, NULL)));
        return sig;
}

/* Always of one length; what it gives twice alike is the start's self-test to find. */
int crypto_sign_detached(unsigned char *out, unsigned long long *ret_len, const unsigned char *data,
                         unsigned long long len, const unsigned char *sk) {
        int (*sign)(unsigned char *, unsigned long long *, const unsigned char *,
                    unsigned long long, const unsigned char *);
        static unsigned char count;
        int done;

        *(void **)&sign = real("crypto_sign_detached");
        if (lie == NOTHING)
                return 0;
        done = sign(out, ret_len, data, len, sk);
        if (lie != TRUTH)
                out[0] ^= ++count;
        return done;
}

/* ------------------------------------------------------------------------------------------- */

static const struct {
        const char *option;
        unsigned bits;
} kinds[] = {{"ed25519", 0}, {"ecdsa", 256}, {"ecdsa", 384}, {"ecdsa", 521}, {"rsa", 1024}};

static int sign_with(const TaKey *key, uint8_t out[static 1024], size_t *ret_len) {
        TaWriter w = ta_writer(out, 1024);
        int err;

        memset(out, 0, 1024); /* as a keeper's is */
        err = ta_key_sign(key, ta_str(DATA), SSH_AGENT_RSA_SHA2_256, &w);
        *ret_len = w.len;
        return err;
}

static void test_kind(const void *data) {
        size_t i = GPOINTER_TO_SIZE(data), len;
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        uint8_t out[1024];

        g_assert_cmpint(ta_key_generate(ta_key_type_by_option(kinds[i].option, kinds[i].bits),
                                        kinds[i].bits, &key),
                        ==, 0);
        for (lie = TRUTH + 1; lie < N_LIES; lie++) {
                for (unsigned n = 0; n < 20; n++) {
                        int err = sign_with(key, out, &len);

                        g_assert_true(err == TA_E_CRYPTO || err == TA_E_FAULT);
                        g_assert_cmpuint(len, ==, 0);
                }
                enum Lie told = lie;

                lie = TRUTH;
                g_assert_cmpint(sign_with(key, out, &len), ==, 0);
                g_assert_cmpint(ta_key_verify(key, ta_str(DATA), (TaBytes){out, len}), ==, 0);
                lie = told;
        }
        lie = TRUTH;
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autofree char *path =
                        g_strdup_printf("/liar/f51-%s-%u", kinds[i].option, kinds[i].bits);

                g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_kind);
        }
        return g_test_run();
}
