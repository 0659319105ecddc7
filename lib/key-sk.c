/* SPDX-License-Identifier: ISC */
/* Keys on FIDO tokens (OpenSSH PROTOCOL.u2f): public halves only, to be read, named and listed. */
#include <errno.h>

#include "lib/key.h"

/* The fields after the type name, kept as they stand. */
typedef struct Fields {
        size_t len;
        uint8_t bytes[];
} Fields;

static int keep(TaKey *key, const uint8_t *from, const uint8_t *to) {
        size_t len = (size_t)(to - from);
        Fields *fields = malloc(sizeof *fields + len);

        if (!fields)
                return -ENOMEM;
        fields->len = len;
        memcpy(fields->bytes, from, len);
        key->public = fields;
        return 0;
}

/* string public key (32), string application */
static int read_ed25519(TaReader *r, TaKey *key) {
        const uint8_t *from = r->data;
        TaBytes pk = ta_read_string(r);

        (void)ta_read_string(r);
        if (r->err)
                return r->err;
        return pk.len != 32 ? TA_E_MALFORMED : keep(key, from, r->data);
}

/* string curve, string point (65), string application */
static int read_ecdsa(TaReader *r, TaKey *key) {
        const uint8_t *from = r->data;
        TaBytes point;

        ta_read_expect(r, "nistp256");
        point = ta_read_string(r);
        (void)ta_read_string(r);
        if (r->err)
                return r->err;
        return point.len != 65 || point.data[0] != 4 ? TA_E_MALFORMED : keep(key, from, r->data);
}

static void write_public(const TaKey *key, TaWriter *w) {
        const Fields *fields = key->public;

        ta_write_raw(w, (TaBytes){fields->bytes, fields->len});
}

static void clear(TaKey *key) {
        free(key->public);
}

const TaKeyType ta_key_sk_ed25519 = {
        .name = "sk-ssh-ed25519@openssh.com",
        .cert_name = "sk-ssh-ed25519-cert-v01@openssh.com",
        .shown = "ED25519-SK",
        .bits = 256,
        .read_public = read_ed25519,
        .write_public = write_public,
        .clear = clear,
};

const TaKeyType ta_key_sk_ecdsa = {
        .name = "sk-ecdsa-sha2-nistp256@openssh.com",
        .cert_name = "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
        .shown = "ECDSA-SK",
        .bits = 256,
        .read_public = read_ecdsa,
        .write_public = write_public,
        .clear = clear,
};
