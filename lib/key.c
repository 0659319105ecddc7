/* SPDX-License-Identifier: ISC */
/* The table of key types and everything that is the same for all of them. */
#include "lib/key.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "lib/cert.h"
#include "lib/secret.h"

const TaKeyType *const ta_key_types[] = {
        &ta_key_ed25519, &ta_key_ecdsa_p256, &ta_key_ecdsa_p384, &ta_key_ecdsa_p521,
        &ta_key_rsa,     &ta_key_sk_ed25519, &ta_key_sk_ecdsa,   NULL,
};

const TaKeyType *ta_key_type_find(TaBytes wire_name, bool *ret_is_cert) {
        for (size_t i = 0; ta_key_types[i]; i++) {
                const TaKeyType *type = ta_key_types[i];
                bool is_cert = ta_bytes_is(wire_name, type->cert_name);

                if (!is_cert && !ta_bytes_is(wire_name, type->name))
                        continue;
                if (ret_is_cert)
                        *ret_is_cert = is_cert;
                return type;
        }
        return NULL;
}

const TaKeyType *ta_key_type_by_option(const char *name, unsigned bits) {
        for (size_t i = 0; ta_key_types[i]; i++) {
                const TaKeyType *type = ta_key_types[i];

                if (!type->option)
                        continue;
                if (strcmp(name, type->name) == 0)
                        return type;
                if (strcasecmp(name, type->option) == 0 &&
                    (type->bits == 0 || bits == 0 || type->bits == bits || type == &ta_key_ed25519))
                        return type;
        }
        return NULL;
}

void ta_key_free(TaKey *key) {
        if (!key)
                return;
        if (key->type)
                key->type->clear(key);
        free(key->cert);
        free(key->blob);
        free(key);
}

void ta_key_freep(TaKey **key) {
        ta_key_free(*key);
        *key = NULL;
}

static int keep_blob(TaKey *key, TaBytes blob) {
        key->blob = malloc(blob.len ? blob.len : 1);
        if (!key->blob)
                return -ENOMEM;
        if (blob.len > 0)
                memcpy(key->blob, blob.data, blob.len);
        key->blob_len = blob.len;
        return 0;
}

/* The plain public blob from the row's fields. */
static int make_blob(TaKey *key) {
        uint8_t buf[4096 + TA_RSA_BITS_MAX / 8];
        TaWriter w = ta_writer(buf, sizeof buf);

        ta_write_cstring(&w, key->type->name);
        key->type->write_public(key, &w);
        return w.err ? w.err : keep_blob(key, ta_written(&w));
}

int ta_key_read_public(TaBytes blob, TaKey **ret) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        bool is_cert = false;
        TaReader r;
        int err;

        if (blob.len > TA_KEY_BLOB_MAX)
                return TA_E_LIMIT;
        key = calloc(1, sizeof *key);
        if (!key)
                return -ENOMEM;
        err = keep_blob(key, blob);
        if (err)
                return err;
        r = ta_reader(ta_key_blob(key));
        TaBytes name = ta_read_string(&r);
        if (r.err)
                return r.err;
        const TaKeyType *type = ta_key_type_find(name, &is_cert);
        if (!type)
                return TA_E_ALGORITHM;
        key->type = type;
        if (is_cert)
                (void)ta_read_string(&r); /* nonce */
        err = type->read_public(&r, key);
        if (err)
                return err;
        if (is_cert) {
                err = ta_cert_read(&r, ta_key_blob(key), &key->cert);
                if (err)
                        return err;
        }
        err = ta_read_end(&r);
        if (err)
                return err;
        *ret = ta_steal(&key);
        return 0;
}

int ta_key_read_private(TaReader *r, TaKey **ret) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        const TaKeyType *type;
        bool is_cert = false;
        TaBytes name;
        int err;

        name = ta_read_string(r);
        if (r->err)
                return r->err;
        type = ta_key_type_find(name, &is_cert);
        if (!type || !type->read_private)
                return TA_E_ALGORITHM;
        if (is_cert) {
                TaBytes blob = ta_read_string(r);

                if (r->err)
                        return r->err;
                err = ta_key_read_public(blob, &key);
                if (err)
                        return err;
                if (key->type != type || !key->cert)
                        return TA_E_MISMATCH;
        } else {
                key = calloc(1, sizeof *key);
                if (!key)
                        return -ENOMEM;
                key->type = type;
        }
        err = type->read_private(r, key, !is_cert);
        if (!err)
                err = r->err;
        if (!err && !is_cert)
                err = make_blob(key);
        if (err)
                return err;
        key->has_private = true;
        *ret = ta_steal(&key);
        return 0;
}

void ta_key_write_private(const TaKey *key, TaWriter *w) {
        if (!key->has_private) {
                w->err = w->err ? w->err : TA_E_NO_PRIVATE;
                return;
        }
        ta_write_cstring(w, ta_key_name(key));
        if (key->cert)
                ta_write_string(w, ta_key_blob(key));
        key->type->write_private(key, w, !key->cert);
}

int ta_key_generate(const TaKeyType *type, unsigned bits, TaKey **ret) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        int err;

        if (!type->generate)
                return TA_E_ALGORITHM;
        key = calloc(1, sizeof *key);
        if (!key)
                return -ENOMEM;
        key->type = type;
        err = type->generate(key, bits);
        if (!err)
                err = make_blob(key);
        if (err)
                return err;
        key->has_private = true;
        *ret = ta_steal(&key);
        return 0;
}

/* Room for any private encoding with its certificate. */
#define PRIVATE_MAX (TA_KEY_BLOB_MAX + 16 * 1024)

int ta_key_certify(const TaKey *key, const TaKey *cert, TaKey **ret) {
        ta_cleanup(ta_secret_dropp) TaSecret *buf = NULL;
        TaWriter w;
        TaReader r;
        int err;

        if (!cert->cert || !ta_key_same_plain(key, cert))
                return TA_E_MISMATCH;
        if (!key->has_private)
                return TA_E_NO_PRIVATE;
        err = ta_secret_new(PRIVATE_MAX, &buf);
        if (err)
                return err;
        w = ta_writer(buf->data, buf->cap);
        ta_write_cstring(&w, key->type->cert_name);
        ta_write_string(&w, ta_key_blob(cert));
        key->type->write_private(key, &w, false);
        if (w.err)
                return w.err;
        r = ta_reader(ta_written(&w));
        return ta_key_read_private(&r, ret);
}

static int plain_blob(const TaKey *key, TaWriter *w) {
        ta_write_cstring(w, key->type->name);
        key->type->write_public(key, w);
        return w->err;
}

int ta_key_plain(const TaKey *key, TaKey **ret) {
        uint8_t buf[4096 + TA_RSA_BITS_MAX / 8];
        TaWriter w = ta_writer(buf, sizeof buf);
        int err = plain_blob(key, &w);

        return err ? err : ta_key_read_public(ta_written(&w), ret);
}

bool ta_key_same_plain(const TaKey *a, const TaKey *b) {
        uint8_t one[4096 + TA_RSA_BITS_MAX / 8], two[sizeof one];
        TaWriter v = ta_writer(one, sizeof one), w = ta_writer(two, sizeof two);

        if (!a->cert && !b->cert)
                return ta_bytes_equal(ta_key_blob(a), ta_key_blob(b));
        return plain_blob(a, &v) == 0 && plain_blob(b, &w) == 0 &&
               ta_bytes_equal(ta_written(&v), ta_written(&w));
}

int ta_key_sign(const TaKey *key, TaBytes data, uint32_t flags, TaWriter *w) {
        size_t mark = w->len;
        int err;

        if (!key->has_private)
                return TA_E_NO_PRIVATE;
        err = key->type->sign(key, data, flags, w);
        if (!err)
                err = w->err;
        if (err) { /* a faulty signature is a secret */
                ta_wipe(w->data + mark, w->len - mark);
                w->len = mark;
        }
        return err;
}

int ta_key_verify(const TaKey *key, TaBytes data, TaBytes signature) {
        TaReader r = ta_reader(signature);
        TaBytes algorithm = ta_read_string(&r);
        int err;

        if (r.err)
                return r.err;
        if (!key->type->verify)
                return TA_E_ALGORITHM;
        err = key->type->verify(key, algorithm, data, &r);
        return err ? err : ta_read_end(&r);
}

unsigned ta_key_bits(const TaKey *key) {
        return key->type->size ? key->type->size(key) : key->type->bits;
}

const char *ta_key_shown(const TaKey *key, char buf[static 32]) {
        snprintf(buf, 32, "%s%s", key->type->shown, key->cert ? "-CERT" : "");
        return buf;
}
