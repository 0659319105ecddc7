/* SPDX-License-Identifier: ISC */
/* What tkeygen writes: new keys, new passphrases, new comments. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/cli.h"
#include "lib/error.h"
#include "lib/file.h"
#include "tools/ask.h"
#include "tools/keys.h"
#include "tools/runtime.h"
#include "tools/tkeygen.h"

/* FILE.pub beside FILE. */
static int save_public(const Config *c, const TaKey *key, TaBytes comment) {
        ta_cleanup(ta_freep) char *pub = NULL, *text = NULL;
        size_t room = 2 * key->blob_len + comment.len + 128;
        TaWriter w;
        int err;

        text = malloc(room);
        if (!text || asprintf(&pub, "%s.pub", c->path) < 0)
                return tkeygen_fatal("%s", ta_strerror(-ENOMEM));
        w = ta_writer(text, room);
        ta_publine_write(&w, key, comment);
        ta_write_u8(&w, '\n');
        err = w.err ? w.err : ta_file_write(pub, ta_written(&w), 0644, true);
        if (err)
                return tkeygen_fatal("Unable to save public key to %s: %s", pub, ta_strerror(err));
        return 0;
}

static int save_private(const Config *c, const TaKey *key, TaBytes comment, TaBytes passphrase,
                        bool replace) {
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        TaKeyFileOptions format = c->format;
        const char *words;
        int err;

        if (format.format == TA_FORMAT_PEM && key->type == &ta_key_ed25519)
                format.format =
                        TA_FORMAT_OPENSSH; /* PEM has no form for it; ssh-keygen does so too */
        err = ta_keyfile_write(key, comment, passphrase, &format, &text);
        words = err == TA_E_LIMIT && format.format != TA_FORMAT_OPENSSH
                        ? "passphrase is too short (minimum five characters)"
                        : ta_strerror(err);
        if (!err) {
                err = ta_file_write(c->path, ta_secret_bytes(text), 0600, replace);
                words = ta_strerror(err);
        }
        if (!err)
                return 0;
        (void)tkeygen_fatal("Saving key \"%s\" failed: %s", c->path, words);
        return 1;
}

static int say(int err) {
        if (err == TA_E_LIMIT)
                (void)tkeygen_fatal("A passphrase has at most %d bytes.", TA_PASSPHRASE_MAX);
        else if (err && err != TA_E_MISMATCH)
                ta_complain("passphrase: %s", ta_strerror(err));
        return err ? 1 : 0;
}

static int given(const char *text, TaSecret **ret) {
        return strlen(text) > TA_PASSPHRASE_MAX ? TA_E_LIMIT : ta_secret_dup(ta_str(text), ret);
}

/* ---- a new key ------------------------------------------------------------------------------ */

static int choose_type(Config *c, const TaKeyType **ret) {
        const TaKeyType *type;

        if (!c->type)
                c->type = "ed25519";
        type = ta_key_type_by_option(c->type, 0);
        if (!type) {
                (void)tkeygen_fatal("unknown key type %s", c->type);
                fprintf(stderr, "Known are ed25519, ecdsa and rsa; keys on security keys are made "
                                "by ssh-keygen.\n");
                return 255;
        }
        if (type == &ta_key_rsa) {
                if (c->bits && c->bits < TA_RSA_BITS_MIN)
                        return tkeygen_fatal("Invalid RSA key length: minimum is %d bits",
                                             TA_RSA_BITS_MIN);
                if (c->bits > TA_RSA_BITS_MAX)
                        return tkeygen_fatal("Invalid RSA key length: maximum is %d bits",
                                             TA_RSA_BITS_MAX);
        } else {
                type = ta_key_type_by_option(c->type, c->bits);
                if (!type)
                        return tkeygen_fatal("Invalid ECDSA key length: valid lengths are 256, 384 "
                                             "or 521 bits");
                c->bits = 0; /* the type's own */
        }
        *ret = type;
        return 0;
}

static int make_folder(const Config *c) {
        char folder[2048];
        size_t len = (size_t)snprintf(folder, sizeof folder, "%s/.ssh", ta_home());

        if (len >= sizeof folder || strncmp(c->path, folder, len) != 0 || c->path[len] != '/')
                return 0;
        if (mkdir(folder, 0700) == 0) {
                if (!c->quiet)
                        printf("Created directory '%s'.\n", folder);
                return 0;
        }
        return errno == EEXIST ? 0
                               : tkeygen_fatal("Could not create directory '%s' (%s).", folder,
                                               ta_strerror(-errno));
}

static int new_passphrase(const Config *c, TaSecret **ret) {
        const char *text = c->old_passphrase ? c->old_passphrase : c->new_passphrase;
        ta_cleanup(ta_freep) char *prompt = NULL;

        if (text)
                return say(given(text, ret));
        if (asprintf(&prompt, "Enter passphrase for \"%s\" (empty for no passphrase): ", c->path) <
            0)
                return say(-ENOMEM);
        return say(ask_new_passphrase(prompt, "Enter same passphrase again: ",
                                      "Passphrases do not match.  Try again.", stdout, true, ret));
}

static int say_made(const Config *c, const TaKey *key, const char *comment) {
        char fingerprint[TA_FINGERPRINT_MAX], art[TA_RANDOMART_MAX];
        int err = ta_fingerprint(key, c->hash, fingerprint);

        if (!err)
                err = ta_randomart(key, c->hash, art);
        if (err)
                return tkeygen_fatal("%s: %s", c->path, ta_strerror(err));
        printf("Your identification has been saved in %s\n"
               "Your public key has been saved in %s.pub\n"
               "The key fingerprint is:\n%s %s\nThe key's randomart image is:\n%s\n",
               c->path, c->path, fingerprint, comment, art);
        return 0;
}

int tkeygen_generate(Config *c) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *passphrase = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;
        const TaKeyType *type = NULL;
        bool replace = false;
        struct stat st;
        int err, status = choose_type(c, &type);

        if (status)
                return status;
        if (!c->quiet)
                printf("Generating public/private %s key pair.\n", c->type);
        if (!tkeygen_choose_file(c, "Enter file in which to save the key", type->option))
                return 1;
        status = make_folder(c);
        if (status)
                return status;
        if (lstat(c->path, &st) == 0) {
                printf("%s already exists.\n", c->path);
                replace = ask_yes("Overwrite (y/n)? ");
                if (!replace)
                        return 1;
        }
        comment = c->comment ? strdup(c->comment) : tkeygen_who();
        runtime_hide();
        status = new_passphrase(c, &passphrase);
        if (status)
                return status;
        err = comment ? ta_key_generate(type, c->bits, &key) : -ENOMEM;
        if (err)
                return tkeygen_fatal("%s: %s", c->path, ta_strerror(err));
        status = save_private(c, key, ta_str(comment), ta_secret_bytes(passphrase), replace);
        if (!status)
                status = save_public(c, key, ta_str(comment));
        if (!status && !c->quiet)
                status = say_made(c, key, comment);
        return status;
}

/* ---- an old key anew ------------------------------------------------------------------------ */

int tkeygen_change_passphrase(Config *c) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *passphrase = NULL;
        ta_cleanup(ta_freep) char *failure = NULL, *shown = NULL;
        int err, status;

        if (asprintf(&failure, "Failed to load key %s", c->path) < 0)
                return tkeygen_fatal("%s", ta_strerror(-ENOMEM));
        status = tkeygen_load(c, c->old_passphrase, "Enter old passphrase: ", failure, &file, NULL);
        if (status)
                return status;
        shown = keys_shown(ta_secret_bytes(file->comment));
        if (*shown)
                printf("Key has comment '%s'\n", shown);
        err = c->new_passphrase
                      ? given(c->new_passphrase, &passphrase)
                      : ask_new_passphrase("Enter new passphrase (empty for no passphrase): ",
                                           "Enter same passphrase again: ",
                                           "Pass phrases do not match.  Try again.", stdout, false,
                                           &passphrase);
        if (err)
                return say(err);
        status = save_private(c, file->key, ta_secret_bytes(file->comment),
                              ta_secret_bytes(passphrase), true);
        if (!status)
                printf("Your identification has been saved with the new passphrase.\n");
        return status;
}

static bool ask_comment(char line[static 1024]) {
        printf("New comment: ");
        (void)fflush(stdout);
        if (!fgets(line, 1024, stdin))
                return false;
        line[strcspn(line, "\n")] = '\0';
        return true;
}

int tkeygen_change_comment(Config *c) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *passphrase = NULL;
        ta_cleanup(ta_freep) char *failure = NULL, *shown = NULL;
        const char *text = c->old_passphrase ? c->old_passphrase : c->new_passphrase;
        char line[1024] = "";
        TaBytes comment;
        int status;

        if (asprintf(&failure, "Cannot load private key \"%s\"", c->path) < 0)
                return tkeygen_fatal("%s", ta_strerror(-ENOMEM));
        status = tkeygen_load(c, text, "Enter passphrase: ", failure, &file, &passphrase);
        if (status)
                return status;
        if (file->key->type != &ta_key_ed25519 && c->format.format != TA_FORMAT_OPENSSH) {
                (void)tkeygen_fatal("Comments are only supported for keys stored in the new format "
                                    "(-o).");
                return 1;
        }
        shown = keys_shown(ta_secret_bytes(file->comment));
        if (*shown)
                printf("Old comment: %s\n", shown);
        else
                printf("No existing comment\n");
        if (!c->comment && !ask_comment(line))
                return 1;
        comment = ta_str(c->comment ? c->comment : line);
        if (ta_bytes_equal(comment, ta_secret_bytes(file->comment))) {
                printf("No change to comment\n");
                return 0;
        }
        status = save_private(c, file->key, comment, ta_secret_bytes(passphrase), true);
        if (!status)
                status = save_public(c, file->key, comment);
        if (!status && comment.len > 0)
                printf("Comment '%s' applied\n", c->comment ? c->comment : line);
        else if (!status)
                printf("Comment removed\n");
        return status;
}
