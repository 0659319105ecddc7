/* SPDX-License-Identifier: ISC */
/* tadd -l, -L, and -l --json: what the agent holds. Comments never reach the terminal raw. */
#include "tools/keys.h"
#include "tools/tadd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/cert.h"
#include "lib/cli.h"
#include "lib/keyfile.h"
#include "lib/text.h"

static void print_json_string(TaBytes bytes) {
        size_t cap = 6 * bytes.len + 3; /* each byte is \u00XX at worst */
        ta_cleanup(ta_freep) char *text = keys_alloc(cap);
        TaWriter w = ta_writer(text, cap);

        ta_json_write_string(&w, bytes);
        fwrite(text, 1, ta_written(&w).len, stdout);
}

static void print_json(const TaKey *key, const char *fingerprint, TaBytes comment, bool first) {
        char shown[32];

        printf("%s\n    {\"fingerprint\": \"%s\", \"bits\": %u, \"type\": \"%s\", \"algorithm\": "
               "\"%s\", "
               "\"comment\": ",
               first ? "" : ",", fingerprint, ta_key_bits(key), ta_key_shown(key, shown),
               ta_key_name(key));
        print_json_string(comment);
        if (key->cert) {
                const TaCert *cert = key->cert;
                TaReader r = ta_reader(cert->principals);

                printf(", \"certificate\": {\"kind\": \"%s\", \"serial\": %" PRIu64
                       ", \"key_id\": ",
                       cert->type == TA_CERT_HOST ? "host" : "user", cert->serial);
                print_json_string(cert->key_id);
                printf(", \"valid_after\": %" PRIu64 ", \"valid_before\": %" PRIu64
                       ", \"principals\": [",
                       cert->valid_after, cert->valid_before);
                for (size_t i = 0; i < cert->n_principals && !r.err; i++) {
                        printf("%s", i ? ", " : "");
                        print_json_string(ta_read_string(&r));
                }
                printf("]}");
        }
        printf("}");
}

static void print_line(const TaKey *key, const char *fingerprint, TaBytes comment) {
        ta_cleanup(ta_freep) char *shown = keys_shown(comment);
        char type[32];

        printf("%u %s %s (%s)\n", ta_key_bits(key), fingerprint, shown, ta_key_shown(key, type));
}

static void print_whole(const TaKey *key, TaBytes comment) {
        ta_cleanup(ta_freep) char *shown = keys_shown(comment);
        size_t cap = 2 * key->blob_len + strlen(shown) + 128;
        ta_cleanup(ta_freep) char *line = keys_alloc(cap);
        TaWriter w = ta_writer(line, cap);

        ta_publine_write(&w, key, ta_str(shown));
        fwrite(line, 1, ta_written(&w).len, stdout);
        putchar('\n');
}

int tadd_list(Tadd *t, bool whole_keys) {
        ta_cleanup(ta_freep) TaIdentity *list = NULL;
        size_t n = 0, n_shown = 0;
        int err = ta_client_list(t->client, &list, &n);

        if (err) {
                ta_complain("error fetching identities: %s", ta_strerror(err));
                return 1;
        }
        if (t->json)
                printf("{\"schema\": 1, \"identities\": [");
        for (size_t i = 0; i < n; i++) {
                ta_cleanup(ta_key_freep) TaKey *key = NULL;
                char fingerprint[TA_FINGERPRINT_MAX];

                err = ta_key_read_public(list[i].key, &key);
                if (!err)
                        err = ta_fingerprint(key, t->hash, fingerprint);
                if (err == -ENOMEM || err == TA_E_FULL || err == TA_E_CRYPTO) {
                        ta_complain("cannot list all identities: %s", ta_strerror(err));
                        return 1;
                }
                if (err) /* as with ssh-add, types that are not known here are passed over */
                        continue;
                if (t->json)
                        print_json(key, fingerprint, list[i].comment, n_shown == 0);
                else if (whole_keys)
                        print_whole(key, list[i].comment);
                else
                        print_line(key, fingerprint, list[i].comment);
                n_shown++;
        }
        if (t->json)
                printf("%s]}\n", n_shown ? "\n" : "");
        else if (n == 0)
                printf("The agent has no identities.\n");
        if (fflush(stdout) != 0) {
                ta_complain("cannot write the list: %s", ta_strerror(-errno));
                return 1;
        }
        return n == 0 ? 1 : 0;
}
