/* SPDX-License-Identifier: ISC */
/* tadd: adds, lists, removes and locks the agent's keys; a drop-in for ssh-add. */
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "lib/cli.h"
#include "lib/file.h"
#include "lib/keyfile.h"
#include "lib/text.h"
#include "tools/ask.h"
#include "tools/tadd.h"

enum { OPT_JSON = 256 };

static const TaOption options[] = {
        {'l', "list", NULL, "list fingerprints"},
        {'L', NULL, NULL, "list public keys"},
        {OPT_JSON, "json", NULL, "with -l: one JSON document"},
        {'d', NULL, NULL, "remove the keys of the files"},
        {'D', NULL, NULL, "remove all keys"},
        {'x', NULL, NULL, "lock the agent with a passphrase"},
        {'X', NULL, NULL, "unlock the agent"},
        {'k', NULL, NULL, "plain keys only, no certificates"},
        {'C', NULL, NULL, "certificates only"},
        {'c', NULL, NULL, "confirm each use"},
        {'t', "lifetime", "time", "forget after this long (90, 1h30m, 2d)"},
        {'E', NULL, "hash", "hash of fingerprints"},
        {'N', NULL, NULL, "keep certificates beyond their end"},
        {'Q', NULL, NULL, "list the agent's extensions"},
        {'q', NULL, NULL, "say less"},
        {'v', NULL, NULL, "say more"},
        {'m', NULL, "n", NULL},
        {'M', NULL, "n", NULL},
        {'T', NULL, NULL, NULL},
        {'s', NULL, "lib", NULL},
        {'e', NULL, "lib", NULL},
        {'S', NULL, "lib", NULL},
        {'K', NULL, NULL, NULL},
        {'h', NULL, "host", NULL},
        {'H', NULL, "file", NULL},
        {0},
};
static const char *const synopsis[] = {"[-CcDdkLlNQqvXx] [-E hash] [-t time] [file ...]", NULL};
static const TaCommand command = {.name = "tadd",
                                  .purpose = "Adds keys to the SSH agent.",
                                  .synopsis = synopsis,
                                  .options = options};

static int remove_file(Tadd *t, const char *path) {
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;
        ta_cleanup(ta_freep) char *pub = NULL;
        ta_cleanup(ta_freep) char *shown = NULL;
        char type[32];
        int err;

        if (asprintf(&pub, "%s.pub", path) < 0)
                return 1;
        err = ta_file_read(pub, TA_KEYFILE_MAX, &text, NULL);
        if (err == -ENOENT)
                err = ta_file_read(path, TA_KEYFILE_MAX, &text, NULL);
        if (!err)
                err = ta_pubfile_read(ta_secret_bytes(text), &key, &comment);
        if (err) {
                fprintf(stderr, "Bad key file %s: %s\n", path, ta_strerror(err));
                return 1;
        }
        err = ta_client_remove(t->client, ta_key_blob(key));
        if (err) {
                fprintf(stderr, "Could not remove identity \"%s\": %s\n", path, ta_strerror(err));
                return 1;
        }
        shown = tadd_shown(ta_str(comment));
        if (!t->quiet)
                fprintf(stderr, "Identity removed: %s %s (%s)\n", path, ta_key_shown(key, type),
                        shown);
        return 0;
}

static int remove_all(Tadd *t) {
        if (ta_client_remove_all(t->client)) {
                fprintf(stderr, "Failed to remove all identities.\n");
                return 1;
        }
        if (!t->quiet)
                fprintf(stderr, "All identities removed.\n");
        return 0;
}

static int lock(Tadd *t, bool on) {
        ta_cleanup(ta_secret_dropp) TaSecret *passphrase = NULL;
        int err = on ? ask_new_passphrase("Enter lock password: ", "Again: ",
                                          "Passwords do not match.", false, &passphrase)
                     : ask_passphrase("Enter lock password: ", &passphrase);

        if (err)
                return 1;
        err = ta_client_lock(t->client, on, ta_secret_bytes(passphrase));
        if (err) {
                fprintf(stderr, "Failed to %slock agent: %s\n", on ? "" : "un", ta_strerror(err));
                return 1;
        }
        fprintf(stderr, "Agent %slocked.\n", on ? "" : "un");
        return 0;
}

static int query(Tadd *t) {
        TaReader names;

        if (ta_client_query(t->client, &names)) {
                fprintf(stderr, "unable to query supported extensions\n");
                return 255;
        }
        while (!names.err && names.len > 0) {
                ta_cleanup(ta_freep) char *shown = tadd_shown(ta_read_string(&names));

                printf("%s\n", shown);
        }
        return 0;
}

int main(int argc, char **argv) {
        Tadd t = {.hash = TA_HASH_SHA256};
        TaArgs args;
        int letter, action = 0, hash, err, status = 0;

        ta_start();
        (void)prctl(PR_SET_DUMPABLE, 0);
        ta_args_init(&args, &command, argc, argv);
        while ((letter = ta_args_next(&args)) != 0) {
                if (strchr("lLdDxXQ", letter) && letter < 256) {
                        if (action) {
                                ta_complain("-%c and -%c cannot be combined", action, letter);
                                return 255;
                        }
                        action = letter;
                } else if (letter < 256 && strchr("seSKhHT", letter)) {
                        ta_complain("-%c comes in a later version; ssh-add does it", letter);
                        return 1;
                } else if (letter == OPT_JSON) {
                        t.json = true;
                } else if (letter == 't') {
                        if (ta_duration_read(args.value, &t.lifetime)) {
                                fprintf(stderr, "Invalid lifetime\n");
                                return 1;
                        }
                } else if (letter == 'E') {
                        hash = ta_hash_find(args.value);
                        if (hash < 0) {
                                ta_complain("unknown hash algorithm \"%s\"", args.value);
                                return 255;
                        }
                        t.hash = (TaHash)hash;
                }
                t.keys_only |= letter == 'k';
                t.certs_only |= letter == 'C';
                t.confirm |= letter == 'c';
                t.no_expiry |= letter == 'N';
                t.quiet |= letter == 'q';
        }
        if (ta_secret_init(0) || ta_secret_adopt_libcrypto()) {
                ta_complain("cannot reserve protected memory");
                return 255;
        }
        err = ta_client_connect(NULL, &t.client);
        if (err == TA_E_NO_AGENT) {
                fprintf(stderr, "Could not open a connection to your authentication agent.\n"
                                "Start one, or find the running one: eval $(tagent)\n");
                return 2;
        }
        if (err) {
                fprintf(stderr, "Error connecting to agent: %s\n", ta_strerror(err));
                return 2;
        }
        if (action == 'l' || action == 'L')
                status = tadd_list(&t, action == 'L');
        else if (action == 'D')
                status = remove_all(&t);
        else if (action == 'x' || action == 'X')
                status = lock(&t, action == 'x');
        else if (action == 'Q')
                status = query(&t);
        else if (action == 'd')
                for (int i = 0; i < args.n_operands; i++)
                        status |= remove_file(&t, args.operands[i]);
        else
                status = tadd_add(&t, args.operands, (size_t)args.n_operands);
        ta_client_free(t.client);
        free(args.operands);
        return status;
}
