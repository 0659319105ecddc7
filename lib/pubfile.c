/* SPDX-License-Identifier: ISC */
/*
 * Public keys as people keep them: lines, RFC 4716, and the ASN.1 forms. Everything here is public,
 * so it lives on the ordinary heap. It knows what may stand before a key in a line, but not what
 * that means.
 */
#include "lib/keyfile.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <strings.h>

#include "lib/evp.h"
#include "lib/text.h"

#define RFC4716_BEGIN   "---- BEGIN SSH2 PUBLIC KEY ----"
#define RFC4716_END     "---- END SSH2 PUBLIC KEY ----"
#define RFC4716_WIDTH   70
#define RFC4716_COMMENT 60  /* with its header and quotes, the 72 columns of section 3.3 */
#define PREFIX_FIELDS   2   /* "@marker hosts", or options: one */
#define HEADER_MAX      1024
#define PEM_WIDTH       64

static bool is_blank(uint8_t c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static TaBytes skip(TaBytes b, size_t n) {
        return (TaBytes){b.data + n, b.len - n};
}

static TaBytes trim(TaBytes b) {
        while (b.len > 0 && is_blank(b.data[0]))
                b = skip(b, 1);
        while (b.len > 0 && is_blank(b.data[b.len - 1]))
                b.len--;
        return b;
}

static TaBytes take_line(TaBytes *rest) {
        const uint8_t *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
        TaBytes line = {rest->data, end ? (size_t)(end - rest->data) : rest->len};

        *rest = skip(*rest, line.len + (end != NULL));
        return line;
}

/* The length of the field at the front; blanks within quotes belong to it. */
static size_t field_len(TaBytes b) {
        bool quoted = false;
        size_t i;

        for (i = 0; i < b.len && (quoted || !is_blank(b.data[i])); i++) {
                if (b.data[i] == '\\' && i + 1 < b.len && b.data[i + 1] == '"')
                        i++;
                else if (b.data[i] == '"')
                        quoted = !quoted;
        }
        return i;
}

static bool starts_with(TaBytes b, const char *start) {
        size_t len = strlen(start);

        return b.len >= len && memcmp(b.data, start, len) == 0;
}

/* Decodes to the heap, at most TA_KEY_BLOB_MAX bytes. */
static int decode(TaBytes text, uint8_t **ret, size_t *ret_len) {
        size_t cap = text.len / 4 * 3 + 3;
        ta_cleanup(ta_freep) uint8_t *data = NULL;
        TaWriter w;
        int err;

        if (text.len > TA_KEYFILE_MAX)
                return TA_E_LIMIT;
        if (cap > TA_KEY_BLOB_MAX)
                cap = TA_KEY_BLOB_MAX;
        data = malloc(cap);
        if (!data)
                return -ENOMEM;
        w = ta_writer(data, cap);
        err = ta_base64_read(text, &w);
        if (err)
                return err;
        *ret_len = w.len;
        *ret = ta_steal(&data);
        return 0;
}

static int copy_text(TaBytes bytes, char **ret) {
        char *copy = malloc(bytes.len + 1);

        if (!copy)
                return -ENOMEM;
        if (bytes.len > 0)
                memcpy(copy, bytes.data, bytes.len);
        copy[bytes.len] = '\0';
        *ret = copy;
        return 0;
}

/* --- One line --- */

/* A key whose type name is the field at the front. TA_E_NOT_FOUND if that is no type name. */
static int read_key_fields(TaBytes line, TaKey **ret, TaBytes *ret_comment) {
        TaBytes name = {line.data, field_len(line)};
        TaBytes rest = trim(skip(line, name.len));
        TaBytes base64 = {rest.data, 0};
        ta_cleanup(ta_freep) uint8_t *blob = NULL;
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        bool known = ta_key_type_find(name, NULL) != NULL;
        size_t len;
        TaReader r;
        int err;

        while (base64.len < rest.len && !is_blank(rest.data[base64.len]))
                base64.len++;
        if (base64.len == 0)
                return known ? TA_E_TRUNCATED : TA_E_NOT_FOUND;
        err = decode(base64, &blob, &len);
        if (err)
                return known ? err : TA_E_NOT_FOUND;
        r = ta_reader((TaBytes){blob, len});
        if (!ta_bytes_equal(ta_read_string(&r), name) || r.err)
                return known ? TA_E_MALFORMED : TA_E_NOT_FOUND;
        if (!known)
                return TA_E_ALGORITHM;
        err = ta_key_read_public((TaBytes){blob, len}, &key);
        if (err)
                return err;
        *ret_comment = trim(skip(rest, base64.len));
        *ret = ta_steal(&key);
        return 0;
}

int ta_publine_read(TaBytes line, TaKey **ret, TaBytes *ret_comment, TaBytes *ret_prefix) {
        TaBytes rest = line = trim(line);
        int err = TA_E_NOT_FOUND;

        if (line.len == 0 || line.data[0] == '#')
                return TA_E_NOT_FOUND;
        if (memchr(line.data, '\n', line.len) || memchr(line.data, '\0', line.len))
                return TA_E_MALFORMED;
        for (unsigned i = 0; i <= PREFIX_FIELDS && rest.len > 0; i++) {
                err = read_key_fields(rest, ret, ret_comment);
                if (err != TA_E_NOT_FOUND)
                        break;
                rest = trim(skip(rest, field_len(rest)));
        }
        if (err)
                return err == TA_E_NOT_FOUND ? TA_E_MALFORMED : err;
        if (ret_prefix)
                *ret_prefix = trim((TaBytes){line.data, (size_t)(rest.data - line.data)});
        return 0;
}

void ta_publine_write(TaWriter *w, const TaKey *key, TaBytes comment) {
        ta_write_raw(w, ta_str(ta_key_name(key)));
        ta_write_u8(w, ' ');
        ta_base64_write(w, ta_key_blob(key));
        if (comment.len == 0)
                return;
        ta_write_u8(w, ' ');
        /* A line end in a comment would begin a line of somebody else's making. */
        for (size_t i = 0; i < comment.len; i++) {
                uint8_t c = comment.data[i];

                ta_write_u8(w, c == '\n' || c == '\r' || c == '\0' ? ' ' : c);
        }
}

/* --- RFC 4716 --- */

/* The header's line and those it goes on to; only Comment is of interest. */
static int read_header(TaBytes line, TaBytes *text, char **comment) {
        char value[HEADER_MAX + 1];
        size_t colon = (size_t)((const uint8_t *)memchr(line.data, ':', line.len) - line.data);
        bool wanted = colon == 7 && strncasecmp((const char *)line.data, "Comment", 7) == 0;
        TaBytes part = trim(skip(line, colon + 1)), whole;
        size_t len = 0;
        char *copy;
        int err;

        for (;;) {
                bool more = part.len > 0 && part.data[part.len - 1] == '\\';

                part.len -= more;
                if (len + part.len > HEADER_MAX)
                        return TA_E_LIMIT;
                if (part.len > 0)
                        memcpy(value + len, part.data, part.len);
                len += part.len;
                if (!more)
                        break;
                if (text->len == 0)
                        return TA_E_TRUNCATED;
                part = take_line(text);
                while (part.len > 0 && is_blank(part.data[part.len - 1]))
                        part.len--;
        }
        if (!wanted || *comment)
                return 0;
        whole = (TaBytes){(const uint8_t *)value, len};
        if (len >= 2 && value[0] == '"' && value[len - 1] == '"')
                whole = (TaBytes){whole.data + 1, len - 2};
        if (whole.len > 0 && memchr(whole.data, '\0', whole.len))
                return TA_E_MALFORMED;
        err = copy_text(whole, &copy);
        if (!err)
                *comment = copy;
        return err;
}

static int read_rfc4716(TaBytes text, TaKey **ret, char **ret_comment) {
        ta_cleanup(ta_freep) char *comment = NULL;
        ta_cleanup(ta_freep) uint8_t *blob = NULL;
        TaBytes body = {0};
        bool inside = false;
        size_t len;
        int err;

        while (text.len > 0) {
                TaBytes raw = take_line(&text), line = trim(raw);

                if (!inside) {
                        inside = ta_bytes_is(line, RFC4716_BEGIN);
                } else if (!body.data && line.len > 0 && memchr(line.data, ':', line.len)) {
                        err = read_header(line, &text, &comment);
                        if (err)
                                return err;
                } else if (ta_bytes_is(line, RFC4716_END)) {
                        body.len = body.data ? (size_t)(raw.data - body.data) : 0;
                        err = decode(body, &blob, &len);
                        if (!err && !comment)
                                err = copy_text((TaBytes){0}, &comment);
                        if (!err)
                                err = ta_key_read_public((TaBytes){blob, len}, ret);
                        if (!err)
                                *ret_comment = ta_steal(&comment);
                        return err;
                } else if (!body.data) {
                        body.data = raw.data;
                }
        }
        return inside ? TA_E_TRUNCATED : TA_E_NOT_FOUND;
}

static int write_rfc4716(const TaKey *key, TaBytes comment, TaWriter *w) {
        ta_cleanup(ta_freep) uint8_t *base64 = malloc(key->blob_len / 3 * 4 + 4);
        ta_cleanup(ta_freep) char *shown = NULL;
        TaWriter b;
        TaBytes rest;

        shown = ta_display(comment, HEADER_MAX);
        if (!base64 || !shown)
                return -ENOMEM;
        rest = ta_str(shown);
        if (rest.len > RFC4716_COMMENT) {
                rest.len = RFC4716_COMMENT;
                while (rest.len > 0 && (rest.data[rest.len] & 0xc0) == 0x80)
                        rest.len--;
        }
        ta_write_raw(w, ta_str(RFC4716_BEGIN "\n"));
        if (rest.len > 0) {
                ta_write_raw(w, ta_str("Comment: \""));
                ta_write_raw(w, rest);
                ta_write_raw(w, ta_str("\"\n"));
        }
        b = ta_writer(base64, key->blob_len / 3 * 4 + 4);
        ta_base64_write(&b, ta_key_blob(key));
        rest = ta_written(&b);
        while (rest.len > 0) {
                size_t n = rest.len < RFC4716_WIDTH ? rest.len : RFC4716_WIDTH;

                ta_write_raw(w, (TaBytes){rest.data, n});
                ta_write_u8(w, '\n');
                rest = skip(rest, n);
        }
        ta_write_raw(w, ta_str(RFC4716_END "\n"));
        return w->err ? w->err : b.err;
}

/* --- ASN.1 --- */

static EVP_PKEY *spki_read(const uint8_t **data, long len) {
        return d2i_PUBKEY(NULL, data, len);
}

static EVP_PKEY *pkcs1_read(const uint8_t **data, long len) {
        return d2i_PublicKey(EVP_PKEY_RSA, NULL, data, len);
}

static const struct der {
        const char *label;
        EVP_PKEY *(*read)(const uint8_t **data, long len);
        int (*write)(const EVP_PKEY *pkey, unsigned char **ret);
} der_spki = {"PUBLIC KEY", spki_read, i2d_PUBKEY},
  der_pkcs1 = {"RSA PUBLIC KEY", pkcs1_read, i2d_PublicKey};

static int read_der(const struct der *der, TaBytes text, TaKey **ret, char **ret_comment) {
        ta_cleanup(ta_freep) uint8_t *data = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;
        ta_cleanup(ta_evp_freep) EVP_PKEY *pkey = NULL;
        uint8_t blob[8192];
        const uint8_t *at;
        TaBytes body;
        size_t len;
        TaWriter w;
        int err;

        err = ta_armour_find(text, der->label, &body);
        if (!err)
                err = decode(body, &data, &len);
        if (err)
                return err;
        at = data;
        ERR_clear_error();
        pkey = der->read(&at, (long)len);
        if (!pkey)
                return ta_crypto_refused(TA_E_MALFORMED);
        if (at != data + len)
                return TA_E_TRAILING;
        w = ta_writer(blob, sizeof blob);
        err = ta_evp_write_public(pkey, &w);
        if (!err)
                err = copy_text((TaBytes){0}, &comment);
        if (!err)
                err = ta_key_read_public(ta_written(&w), ret);
        if (!err)
                *ret_comment = ta_steal(&comment);
        return err;
}

static int write_der(const struct der *der, const TaKey *key, TaWriter *w) {
        ta_cleanup(ta_evp_freep) EVP_PKEY *pkey = NULL;
        unsigned char *data = NULL;
        int err, len;

        if (key->cert)
                return TA_E_ALGORITHM;
        err = ta_evp_read_public(ta_key_blob(key), &pkey);
        if (err)
                return err;
        len = der->write(pkey, &data);
        if (len <= 0) {
                ERR_clear_error();
                return TA_E_CRYPTO;
        }
        ta_armour_write(w, der->label, (TaBytes){data, (size_t)len}, PEM_WIDTH);
        OPENSSL_free(data);
        return w->err;
}

/* --- The envelope of a private key file --- */

static int read_envelope(TaBytes text, TaKey **ret, char **ret_comment) {
        static const char magic[] = "openssh-key-v1"; /* its NUL included */
        ta_cleanup(ta_secret_dropp) TaSecret *whole = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;
        TaBytes body, blob;
        TaReader r;
        TaWriter w;
        int err;

        err = ta_armour_find(text, "OPENSSH PRIVATE KEY", &body);
        if (err)
                return err;
        /* What follows the public key may be a private one in the clear. */
        err = ta_secret_new(body.len / 4 * 3 + 3, &whole);
        if (err)
                return err;
        w = ta_writer(whole->data, whole->cap);
        err = ta_base64_read(body, &w);
        if (err)
                return err;
        r = ta_reader(ta_written(&w));
        if (!ta_bytes_equal(ta_read_raw(&r, sizeof magic),
                            (TaBytes){(const uint8_t *)magic, sizeof magic}))
                return r.err ? r.err : TA_E_MALFORMED;
        (void)ta_read_string(&r); /* cipher */
        (void)ta_read_string(&r); /* key derivation */
        (void)ta_read_string(&r);
        if (ta_read_u32(&r) != 1)
                ta_read_fail(&r, TA_E_LIMIT);
        blob = ta_read_string(&r);
        (void)ta_read_string(&r); /* the private half need not be good, but there */
        if (r.err)
                return r.err;
        err = copy_text((TaBytes){0}, &comment);
        if (!err)
                err = ta_key_read_public(blob, ret);
        if (!err)
                *ret_comment = ta_steal(&comment);
        return err;
}

/* --- Whole files --- */

static int read_lines(TaBytes text, TaKey **ret, char **ret_comment) {
        int err = TA_E_NOT_FOUND, failure;

        while (text.len > 0) {
                ta_cleanup(ta_key_freep) TaKey *key = NULL;
                TaBytes line = take_line(&text), comment;

                if (starts_with(line, "----"))
                        return TA_E_NOT_FOUND; /* something armoured, but no public key */
                failure = ta_publine_read(line, &key, &comment, NULL);
                if (!failure)
                        failure = copy_text(comment, ret_comment);
                if (!failure) {
                        *ret = ta_steal(&key);
                        return 0;
                }
                /* Another line's key is not what was asked for. */
                if (failure == -ENOMEM || failure == TA_E_FULL || failure == TA_E_CRYPTO)
                        return failure;
                if (err == TA_E_NOT_FOUND)
                        err = failure;
        }
        return err;
}

int ta_pubfile_read(TaBytes text, TaKey **ret, char **ret_comment) {
        int err;

        if (text.len > TA_KEYFILE_MAX)
                return TA_E_LIMIT;
        if (starts_with(text, "\xef\xbb\xbf"))
                text = skip(text, 3);
        err = read_rfc4716(text, ret, ret_comment);
        if (err == TA_E_NOT_FOUND)
                err = read_der(&der_spki, text, ret, ret_comment);
        if (err == TA_E_NOT_FOUND)
                err = read_der(&der_pkcs1, text, ret, ret_comment);
        if (err == TA_E_NOT_FOUND)
                err = read_envelope(text, ret, ret_comment);
        if (err == TA_E_NOT_FOUND)
                err = read_lines(text, ret, ret_comment);
        return err;
}

int ta_pubfile_write(const TaKey *key, TaBytes comment, TaKeyFormat format, char **ret_text) {
        size_t cap = key->blob_len * 2 + HEADER_MAX;
        ta_cleanup(ta_freep) char *text = malloc(cap + 1);
        TaWriter w = ta_writer(text, cap);
        int err;

        if (!text)
                return -ENOMEM;
        if (format == TA_FORMAT_OPENSSH)
                err = write_rfc4716(key, comment, &w);
        else if (format == TA_FORMAT_PEM && key->type == &ta_key_rsa)
                err = write_der(&der_pkcs1, key, &w);
        else if (format == TA_FORMAT_PEM && key->type == &ta_key_ed25519)
                err = TA_E_ALGORITHM; /* the old formats end with ECDSA */
        else
                err = write_der(&der_spki, key, &w);
        if (err)
                return err;
        text[w.len] = '\0';
        *ret_text = ta_steal(&text);
        return 0;
}
