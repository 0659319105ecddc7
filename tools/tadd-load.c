/* SPDX-License-Identifier: ISC */
/*
 * tadd FILE ...: read, unlock, add. A passphrase is tried on every file that still waits for one,
 * in a single pass of the key derivation, so several files with one passphrase cost little more
 * than one; what is printed stays in the order of the files.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/cert.h"
#include "lib/cli.h"
#include "lib/file.h"
#include "lib/keyfile.h"
#include "lib/text.h"
#include "tools/ask.h"
#include "tools/keys.h"
#include "tools/tadd.h"

#define CERT_GRACE (5 * 60) /* seconds a certificate is kept beyond its end, as in ssh-add */

typedef struct Load {
        const char *path;
        TaKeyFile *file; /* NULL: it could not be read, which has been said */
        int err;
} Load;

static void complain(const char *path, int err) {
        ta_cleanup(ta_freep) char *what = NULL;

        if (asprintf(&what, "Error loading key \"%s\"", path) >= 0)
                keys_complain(what, path, err);
        else
                fprintf(stderr, "Error loading key \"%s\": %s\n", path, ta_strerror(-ENOMEM));
}

static bool load_open(Load *load) {
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        struct stat st;
        bool from_stdin = strcmp(load->path, "-") == 0;
        int err;

        if (from_stdin) {
                load->path = "(stdin)";
                err = keys_read(NULL, &text, NULL);
        } else {
                err = keys_read(load->path, &text, &st);
        }
        if (err) {
                keys_complain(load->path, load->path, err);
                return false;
        }
        if (!from_stdin && !keys_mode_ok(load->path, &st))
                return false;
        err = ta_keyfile_parse(ta_secret_bytes(text), &load->file);
        if (err)
                complain(load->path, err);
        return !err;
}

/* One passphrase on all that wait. */
static void unlock_waiting(Load *loads, size_t n, TaBytes passphrase) {
        ta_cleanup(ta_freep) TaKeyFile **files = calloc(n + 1, sizeof *files);
        ta_cleanup(ta_freep) int *errs = calloc(n + 1, sizeof *errs);
        size_t m = 0;

        for (size_t i = 0; i < n; i++) {
                if (!loads[i].file || loads[i].file->key)
                        continue;
                if (!files || !errs)
                        loads[i].err = -ENOMEM;
                else
                        files[m++] = loads[i].file;
        }
        if (m > 0)
                ta_keyfile_unlock(files, m, passphrase, errs);
        for (size_t i = 0, j = 0; i < n && j < m; i++) {
                if (loads[i].file == files[j])
                        loads[i].err = errs[j++];
        }
}

static bool wants_passphrase(int err) {
        return err == TA_E_PASSPHRASE || err == TA_E_NEED_PASSPHRASE;
}

/* Asks until loads[0] is open; the others profit. */
static bool load_unlock(const Tadd *t, Load *loads, size_t n) {
        const char *words = "Enter passphrase for";

        while (wants_passphrase(loads[0].err)) {
                ta_cleanup(ta_secret_dropp) TaSecret *passphrase = NULL;
                ta_cleanup(ta_freep) char *prompt = NULL;
                int err;

                if (asprintf(&prompt, "%s %s%s: ", words, loads[0].path,
                             t->confirm ? " (will confirm each use)" : "") < 0) {
                        complain(loads[0].path, -ENOMEM);
                        return false;
                }
                err = ask_passphrase(prompt, &passphrase);
                if (err == TA_E_LIMIT)
                        fprintf(stderr, "A passphrase has at most %d bytes.\n", TA_PASSPHRASE_MAX);
                else if (err || passphrase->len == 0)
                        return false;
                else
                        unlock_waiting(loads, n, ta_secret_bytes(passphrase));
                words = "Bad passphrase, try again for";
        }
        if (loads[0].err)
                complain(loads[0].path, loads[0].err);
        return loads[0].err == 0;
}

static int send_key(Tadd *t, const TaKey *key, TaBytes comment, uint32_t lifetime) {
        TaConstraints c = {
                .has_lifetime = lifetime > 0, .lifetime = lifetime, .confirm = t->confirm};

        return ta_client_add(t->client, key, comment, c.has_lifetime || c.confirm ? &c : NULL);
}

static void say_constraints(const Tadd *t, uint32_t lifetime) {
        char text[32];

        if (lifetime > 0) {
                ta_duration_write(lifetime, text);
                fprintf(stderr, "Lifetime set to %s\n", text);
        }
        if (t->confirm)
                fprintf(stderr, "The user must confirm each use of the key\n");
}

/* The lifetime of a certificate: no longer than it is valid, and the given one. False: expired. */
static bool cert_lifetime(const Tadd *t, const TaCert *cert, uint32_t *ret) {
        uint64_t now = (uint64_t)time(NULL);
        uint64_t left;

        *ret = t->lifetime;
        if (t->no_expiry || cert->valid_before == UINT64_MAX)
                return true;
        if (cert->valid_before <= now)
                return false;
        left = cert->valid_before - now + CERT_GRACE;
        if (left < UINT32_MAX - 1 && (*ret == 0 || left < *ret))
                *ret = (uint32_t)left;
        return true;
}

static bool add_cert(Tadd *t, const Load *load, TaBytes comment) {
        ta_cleanup(ta_freep) char *path = NULL;
        ta_cleanup(ta_freep) char *cert_comment = NULL;
        ta_cleanup(ta_freep) char *key_id = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        ta_cleanup(ta_key_freep) TaKey *cert = NULL;
        ta_cleanup(ta_key_freep) TaKey *both = NULL;
        uint32_t lifetime;
        int err;

        if (asprintf(&path, "%s-cert.pub", load->path) < 0) {
                complain(load->path, -ENOMEM);
                return false;
        }
        err = ta_file_read(path, TA_KEYFILE_MAX, &text, NULL);
        if (err == -ENOENT) {
                if (t->certs_only)
                        fprintf(stderr, "%s: there is no certificate for this key\n", path);
                return !t->certs_only;
        }
        if (!err)
                err = ta_pubfile_read(ta_secret_bytes(text), &cert, &cert_comment);
        if (err) {
                fprintf(stderr, "Failed to load certificate \"%s\": %s\n", path, ta_strerror(err));
                return false;
        }
        if (!cert->cert) {
                fprintf(stderr, "Failed to load certificate \"%s\": this is a key, not a certificate\n",
                        path);
                return false;
        }
        err = ta_key_certify(load->file->key, cert, &both);
        if (err) {
                fprintf(stderr, "Certificate %s does not match private key %s\n", path, load->path);
                return false;
        }
        if (!cert_lifetime(t, cert->cert, &lifetime)) {
                fprintf(stderr, "Certificate %s has already expired; ignored\n", path);
                return false;
        }
        key_id = keys_shown(cert->cert->key_id);
        err = send_key(t, both, comment, lifetime);
        if (err) {
                fprintf(stderr, "Certificate %s (%s) add failed: %s\n", path, key_id,
                        ta_strerror(err));
                return false;
        }
        if (!t->quiet) {
                fprintf(stderr, "Certificate added: %s (%s)\n", path, key_id);
                say_constraints(t, lifetime);
        }
        return true;
}

static bool add_one(Tadd *t, const Load *load) {
        TaBytes comment = ta_secret_bytes(load->file->comment);
        ta_cleanup(ta_freep) char *shown = NULL;
        bool from_stdin = strcmp(load->path, "(stdin)") == 0;
        int err;

        if (comment.len == 0)
                comment = ta_str(load->path);
        shown = keys_shown(comment);
        if (!t->certs_only) {
                err = send_key(t, load->file->key, comment, t->lifetime);
                if (err) {
                        fprintf(stderr, "Could not add identity \"%s\": %s\n", load->path,
                                ta_strerror(err));
                        return false;
                }
                if (!t->quiet) {
                        fprintf(stderr, "Identity added: %s (%s)\n", load->path, shown);
                        say_constraints(t, t->lifetime);
                }
        }
        if (t->keys_only || from_stdin)
                return true;
        /* As with ssh-add, who adds a key does not fail for a certificate that has come to its end. */
        return add_cert(t, load, comment) || !t->certs_only;
}

int tadd_add(Tadd *t, char *const *paths, size_t n) {
        Load *loads = calloc(n + 1, sizeof *loads);
        int status = 0;

        if (!loads) {
                ta_complain("%s", ta_strerror(-ENOMEM));
                return 1;
        }
        for (size_t i = 0; i < n; i++) {
                loads[i].path = paths[i];
                if (!load_open(&loads[i]))
                        status = 1;
        }
        unlock_waiting(loads, n, (TaBytes){(const uint8_t *)"", 0});
        for (size_t i = 0; i < n; i++) {
                if (loads[i].file && (!load_unlock(t, loads + i, n - i) || !add_one(t, &loads[i])))
                        status = 1;
                ta_keyfile_free(loads[i].file);
                loads[i].file = NULL;
        }
        free(loads);
        return status;
}
