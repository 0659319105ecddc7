/* SPDX-License-Identifier: ISC */
#include "lib/fingerprint.h"

#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <strings.h>

#include "lib/text.h"

typedef unsigned char *(*Digest)(const unsigned char *data, size_t len, unsigned char *out);

/* Deprecated in OpenSSL 3, and wanted all the same: people compare MD5 fingerprints that they have
 * on paper. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static const struct {
        const char *name;
        Digest digest;
        int len;
} hashes[] = {
        [TA_HASH_SHA256] = {"SHA256", SHA256, 32}, [TA_HASH_SHA512] = {"SHA512", SHA512, 64},
        [TA_HASH_SHA384] = {"SHA384", SHA384, 48}, [TA_HASH_SHA1] = {"SHA1", SHA1, 20},
        [TA_HASH_MD5] = {"MD5", MD5, 16},
};
#pragma GCC diagnostic pop

int ta_hash_find(const char *name) {
        for (size_t i = 0; i < TA_N_ELEMENTS(hashes); i++)
                if (strcasecmp(name, hashes[i].name) == 0)
                        return (int)i;
        return -1;
}

const char *ta_hash_name(TaHash hash) {
        return hashes[hash].name;
}

int ta_digest(TaHash hash, TaBytes data, uint8_t out[static TA_DIGEST_MAX]) {
        return hashes[hash].digest(data.data, data.len, out) ? hashes[hash].len : TA_E_CRYPTO;
}

/* Of the plain blob: a certificate has the fingerprint of its key. */
static int key_digest(const TaKey *key, TaHash hash, uint8_t out[static TA_DIGEST_MAX]) {
        ta_cleanup(ta_key_freep) TaKey *plain = NULL;
        int err;

        if (!key->cert)
                return ta_digest(hash, ta_key_blob(key), out);
        err = ta_key_plain(key, &plain);
        return err ? err : ta_digest(hash, ta_key_blob(plain), out);
}

int ta_fingerprint(const TaKey *key, TaHash hash, char out[static TA_FINGERPRINT_MAX]) {
        uint8_t digest[TA_DIGEST_MAX];
        int len = key_digest(key, hash, digest);
        TaWriter w = ta_writer(out, TA_FINGERPRINT_MAX);

        if (len < 0)
                return len;
        ta_write_raw(&w, ta_str(hashes[hash].name));
        if (hash == TA_HASH_MD5) {
                for (int i = 0; i < len; i++) {
                        ta_write_u8(&w, ':');
                        ta_hex_write(&w, (TaBytes){&digest[i], 1});
                }
        } else {
                ta_write_u8(&w, ':');
                ta_base64_write(&w, (TaBytes){digest, (size_t)len});
                while (!w.err && out[w.len - 1] == '=')
                        w.len--;
        }
        ta_write_u8(&w, 0);
        return w.err;
}

/* The drunken bishop: two bits of the digest a step, from the low ones up; a cell counts visits. */
int ta_randomart(const TaKey *key, TaHash hash, char out[static TA_RANDOMART_MAX]) {
        enum { WIDTH = 17, HEIGHT = 9 };
        static const char shades[] = " .o+=*BOX@%&#/^SE";
        const int last = (int)sizeof shades - 2;
        uint8_t digest[TA_DIGEST_MAX], field[WIDTH][HEIGHT] = {{0}};
        char title[64], shown[32];
        int len = key_digest(key, hash, digest), x = WIDTH / 2, y = HEIGHT / 2, n;
        TaWriter w = ta_writer(out, TA_RANDOMART_MAX);

        if (len < 0)
                return len;
        for (int i = 0; i < len; i++) {
                for (int step = 0, bits = digest[i]; step < 4; step++, bits >>= 2) {
                        x += bits & 1 ? 1 : -1;
                        y += bits & 2 ? 1 : -1;
                        x = x < 0 ? 0 : x >= WIDTH ? WIDTH - 1 : x;
                        y = y < 0 ? 0 : y >= HEIGHT ? HEIGHT - 1 : y;
                        if (field[x][y] < last - 2)
                                field[x][y]++;
                }
        }
        field[WIDTH / 2][HEIGHT / 2] = (uint8_t)(last - 1);
        field[x][y] = (uint8_t)last;

        (void)ta_key_shown(key, shown);
        n = snprintf(title, sizeof title, "[%s %u]", shown, ta_key_bits(key));
        if (n > WIDTH)
                n = snprintf(title, sizeof title, "[%s]", shown);
        if (n >= WIDTH)
                n = WIDTH - 1; /* cut as ssh-keygen does: "[ED25519-SK-CERT" */
        for (int row = -1; row <= HEIGHT; row++) {
                bool edge = row < 0 || row == HEIGHT;
                int left = (WIDTH - n) / 2;

                if (row == HEIGHT) {
                        n = snprintf(title, sizeof title, "[%s]", hashes[hash].name);
                        left = (WIDTH - n) / 2;
                }
                ta_write_u8(&w, edge ? '+' : '|');
                for (int i = 0; i < WIDTH; i++) {
                        if (!edge)
                                ta_write_u8(&w, (uint8_t)shades[field[i][row]]);
                        else if (i >= left && i < left + n)
                                ta_write_u8(&w, (uint8_t)title[i - left]);
                        else
                                ta_write_u8(&w, '-');
                }
                ta_write_u8(&w, edge ? '+' : '|');
                ta_write_u8(&w, row == HEIGHT ? 0 : '\n');
        }
        return w.err;
}

/* Antti Huima's BubbleBabble encoding of the SHA-1 digest. */
int ta_bubblebabble(const TaKey *key, char out[static TA_FINGERPRINT_MAX]) {
        static const char vowels[] = "aeiouy", consonants[] = "bcdfghklmnprstvzx";
        uint8_t d[TA_DIGEST_MAX];
        int len = key_digest(key, TA_HASH_SHA1, d), check = 1;
        char *p = out;

        if (len < 0)
                return len;
        *p++ = 'x';
        for (int i = 0; i + 1 < len; i += 2) {
                *p++ = vowels[((d[i] >> 6) + check) % 6];
                *p++ = consonants[(d[i] >> 2) & 15];
                *p++ = vowels[((d[i] & 3) + check / 6) % 6];
                *p++ = consonants[d[i + 1] >> 4];
                *p++ = '-';
                *p++ = consonants[d[i + 1] & 15];
                check = (check * 5 + d[i] * 7 + d[i + 1]) % 36;
        }
        *p++ = vowels[check % 6];
        *p++ = consonants[16];
        *p++ = vowels[check / 6];
        *p++ = 'x';
        *p = 0;
        return 0;
}
