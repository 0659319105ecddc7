/* SPDX-License-Identifier: ISC */
#include "lib/cert.h"

#include <errno.h>

/* Strings one after the other; their number, or an error in the reader. */
static size_t count_strings(TaReader r, size_t max, int *err) {
        size_t n = 0;

        while (r.len > 0 && !r.err) {
                (void)ta_read_string(&r);
                if (++n > max)
                        ta_read_fail(&r, TA_E_LIMIT);
        }
        if (!*err)
                *err = r.err;
        return n;
}

int ta_cert_read(TaReader *r, TaBytes blob, TaCert **ret) {
        ta_cleanup(ta_freep) TaCert *cert = calloc(1, sizeof *cert);
        ta_cleanup(ta_key_freep) TaKey *ca = NULL;
        int err = 0;

        if (!cert)
                return -ENOMEM;
        cert->serial = ta_read_u64(r);
        cert->type = ta_read_u32(r);
        cert->key_id = ta_read_string(r);
        cert->principals = ta_read_string(r);
        cert->valid_after = ta_read_u64(r);
        cert->valid_before = ta_read_u64(r);
        cert->critical = ta_read_string(r);
        cert->extensions = ta_read_string(r);
        (void)ta_read_string(r); /* reserved */
        cert->ca_blob = ta_read_string(r);
        if (!r->err)
                cert->signed_part = (TaBytes){blob.data, (size_t)(r->data - blob.data)};
        cert->signature = ta_read_string(r);
        if (r->err)
                return r->err;
        if (cert->type != TA_CERT_USER && cert->type != TA_CERT_HOST)
                return TA_E_MALFORMED;
        cert->n_principals = count_strings(ta_reader(cert->principals), TA_CERT_PRINCIPALS_MAX, &err);
        if (count_strings(ta_reader(cert->critical), SIZE_MAX, &err) % 2 != 0 ||
            count_strings(ta_reader(cert->extensions), SIZE_MAX, &err) % 2 != 0)
                err = err ? err : TA_E_MALFORMED;
        if (err)
                return err;
        /* A CA is a plain key: certificates do not chain, which also ends the recursion here. */
        TaReader name = ta_reader(cert->ca_blob);
        bool is_cert = true;
        if (!ta_key_type_find(ta_read_string(&name), &is_cert) || is_cert)
                return TA_E_ALGORITHM;
        err = ta_key_read_public(cert->ca_blob, &ca);
        if (!err)
                err = ta_key_verify(ca, cert->signed_part, cert->signature);
        if (err)
                return err;
        *ret = ta_steal(&cert);
        return 0;
}

int ta_cert_valid_at(const TaCert *cert, uint64_t now) {
        if (now < cert->valid_after)
                return TA_E_REFUSED;
        return now >= cert->valid_before ? TA_E_EXPIRED : 0;
}
