/* SPDX-License-Identifier: ISC */
/* tadd: adds, lists, removes and locks the agent's keys; a drop-in for ssh-add. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cli.h"
#include "lib/evp.h"
#include "lib/file.h"
#include "lib/keyfile.h"
#include "lib/text.h"
#include "tools/ask.h"
#include "tools/keys.h"
#include "tools/runtime.h"
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
        {'T', NULL, NULL, "test that the agent signs with the keys of the public files"},
        {'s', NULL, "lib", NULL},
        {'e', NULL, "lib", NULL},
        {'S', NULL, "lib", NULL},
        {'K', NULL, NULL, NULL},
        {'h', NULL, "host", NULL},
        {'H', NULL, "file", NULL},
        {0},
};
static const char *const synopsis[] = {"[-CcDdkLlNQqvXx] [-E hash] [-t time] [file ...]", "-T file ...", NULL};
static const TaCommand command = {.name = "tadd",
                                  .purpose = "Adds keys to the SSH agent.",
                                  .synopsis = synopsis,
                                  .options = options};

static int remove_key(Tadd *t, const char *path, const TaKey *key, const char *comment) {
        ta_cleanup(ta_freep) char *shown = keys_shown(ta_str(comment));
        char type[32];
        int err = ta_client_remove(t->client, ta_key_blob(key));

        if (err) {
                fprintf(stderr, "Could not remove identity \"%s\": %s\n", path, ta_strerror(err));
                return 1;
        }
        if (!t->quiet)
                fprintf(stderr, "Identity removed: %s %s (%s)\n", path, ta_key_shown(key, type),
                        shown ? shown : "");
        return 0;
}

/* Lines of public keys, as tadd -L prints them. */
static int remove_stdin(Tadd *t) {
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        const uint8_t *at, *end;
        int status = 1, err = ta_file_read_fd(0, TA_KEYFILE_MAX, &text);
        unsigned line = 0;

        if (err) {
                fprintf(stderr, "(stdin): %s\n", ta_strerror(err));
                return 1;
        }
        at = text->data;
        end = at + text->len;
        while (at < end) {
                const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
                ta_cleanup(ta_key_freep) TaKey *key = NULL;
                ta_cleanup(ta_freep) char *name = NULL;
                TaBytes comment = {0};

                if (!stop)
                        stop = end;
                line++;
                err = ta_publine_read((TaBytes){at, (size_t)(stop - at)}, &key, &comment, NULL);
                at = stop + 1;
                if (err == TA_E_NOT_FOUND)
                        continue;
                if (err) {
                        fprintf(stderr, "(stdin):%u: invalid key: %s\n", line, ta_strerror(err));
                        continue;
                }
                name = comment.len ? strndup((const char *)comment.data, comment.len) : NULL;
                status &= remove_key(t, "(stdin)", key, name ? name : "");
        }
        return status;
}

/* The key and its certificate; enough if one of them was there. */
static int remove_file(Tadd *t, const char *path) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL, *cert = NULL;
        ta_cleanup(ta_freep) char *comment = NULL, *cert_comment = NULL, *cert_path = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        int status = 1, err;

        if (strcmp(path, "-") == 0)
                return remove_stdin(t);
        err = keys_public(path, &key, &comment);
        if (err) {
                fprintf(stderr, "Bad key file %s: %s\n", path, ta_strerror(err));
                return 1;
        }
        if (!t->certs_only)
                status = remove_key(t, path, key, *comment ? comment : "no comment");
        if (t->keys_only)
                return status;
        if (asprintf(&cert_path, "%s-cert.pub", path) < 0) {
                fprintf(stderr, "Bad key file %s: %s\n", path, ta_strerror(-ENOMEM));
                return 1;
        }
        err = ta_file_read(cert_path, TA_KEYFILE_MAX, &text, NULL);
        if (err == -ENOENT)
                return status;
        if (!err)
                err = ta_pubfile_read(ta_secret_bytes(text), &cert, &cert_comment);
        if (err || !cert->cert) {
                fprintf(stderr, "Failed to load certificate \"%s\": %s\n", cert_path,
                        err ? ta_strerror(err) : "this is a key, not a certificate");
                return status;
        }
        return status & remove_key(t, cert_path, cert, cert_comment);
}

/* Signs something and verifies it; silent where all is well. */
static int test_file(Tadd *t, const char *path) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;
        static const char data[] = "tadd tests whether the agent signs";
        TaBytes signature;
        int err = keys_public(path, &key, &comment);

        if (err) {
                fprintf(stderr, "Couldn't read public key %s: %s\n", path, ta_strerror(err));
                return 1;
        }
        err = ta_client_sign(t->client, ta_key_blob(key), ta_str(data), SSH_AGENT_RSA_SHA2_256,
                             &signature);
        if (err) {
                fprintf(stderr, "Agent signature failed for %s: %s\n", path, ta_strerror(err));
                return 1;
        }
        err = ta_key_verify(key, ta_str(data), signature);
        if (err)
                fprintf(stderr, "Signature verification failed for %s: %s\n", path, ta_strerror(err));
        return err != 0;
}

static int each(Tadd *t, int (*work)(Tadd *, const char *), const TaArgs *args) {
        int status = 0;

        for (int i = 0; i < args->n_operands; i++)
                status |= work(t, args->operands[i]);
        return status;
}

/* The names that ssh-keygen and tkeygen give, those that exist. */
static int each_default(Tadd *t, bool add) {
        static const char *const names[] = {"id_rsa",     "id_ecdsa",      "id_ecdsa_sk",
                                            "id_ed25519", "id_ed25519_sk", "id_mldsa44_ed25519"};
        char *paths[TA_N_ELEMENTS(names)];
        size_t n = 0;
        int status = 1;

        for (size_t i = 0; i < TA_N_ELEMENTS(names); i++) {
                char *path = NULL;

                if (asprintf(&path, "%s/.ssh/%s", ta_home(), names[i]) < 0)
                        break;
                if (access(path, F_OK) == 0)
                        paths[n++] = path;
                else
                        free(path);
        }
        if (n > 0 && add) {
                status = tadd_add(t, paths, n);
        } else if (n > 0) {
                status = 0;
                for (size_t i = 0; i < n; i++)
                        status |= remove_file(t, paths[i]);
        }
        while (n > 0)
                free(paths[--n]);
        return status;
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
                                          "Passwords do not match.", stderr, false, &passphrase)
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
                ta_cleanup(ta_freep) char *shown = keys_shown(ta_read_string(&names));

                printf("%s\n", shown);
        }
        return 0;
}

/* ---- the command line --------------------------------------------------------------------- */

static int remove_some(Tadd *t, const TaArgs *args) {
        return args->n_operands > 0 ? each(t, remove_file, args) : each_default(t, false);
}

static int add_some(Tadd *t, const TaArgs *args) {
        return args->n_operands > 0 ? tadd_add(t, args->operands, (size_t)args->n_operands)
                                    : each_default(t, true);
}

static int act(Tadd *t, int action, const TaArgs *args) {
        switch (action) {
        case 'l':
        case 'L': return tadd_list(t, action == 'L');
        case 'D': return remove_all(t);
        case 'x':
        case 'X': return lock(t, action == 'x');
        case 'Q': return query(t);
        case 'T': return each(t, test_file, args);
        case 'd': return remove_some(t, args);
        default: return add_some(t, args);
        }
}

static _Noreturn void usage(const TaArgs *args, const char *what) {
        ta_complain("%s", what);
        ta_args_usage(args, true);
        exit(1);
}

/* The exit status of a mistake, else 0. */
static int take_option(Tadd *t, const TaArgs *args, int letter, int *action) {
        char *end;
        int hash;

        switch (letter) {
        case 'k': t->keys_only = true; return 0;
        case 'C': t->certs_only = true; return 0;
        case 'c': t->confirm = true; return 0;
        case 'N': t->no_expiry = true; return 0;
        case 'q': t->quiet = true; return 0;
        case 'v': return 0;
        case OPT_JSON: t->json = true; return 0;
        case 't':
                if (ta_duration_read(args->value, &t->lifetime) == 0)
                        return 0;
                fprintf(stderr, "Invalid lifetime\n");
                return 1;
        case 'E':
                hash = ta_hash_find(args->value);
                if (hash < 0) {
                        fprintf(stderr, "Invalid hash algorithm \"%s\"\n", args->value);
                        return 255;
                }
                t->hash = (TaHash)hash;
                return 0;
        case 'm': /* counts of a key type that is gone; ssh-add looks at them no further either */
        case 'M':
                errno = 0;
                if (strtoul(args->value, &end, 10) < 1 || errno || *end || args->value[0] == '-')
                        usage(args, letter == 'm' ? "-m takes a number" : "-M takes a number");
                return 0;
        }
        if (strchr("eHhKSs", letter)) {
                ta_complain("-%c comes in a later version; ssh-add does it", letter);
                return 1;
        }
        if (*action == letter)
                ta_complain("-%c flag already specified", letter);
        else if (*action)
                ta_complain("-%c and -%c cannot be combined", *action, letter);
        if (*action)
                return 255;
        *action = letter;
        return 0;
}

static int connect_agent(Tadd *t) {
        int err = ta_client_connect(NULL, &t->client);

        if (err == TA_E_NO_AGENT)
                fprintf(stderr, "Could not open a connection to your authentication agent.\n"
                                "Start one, or find the running one: eval $(tagent)\n");
        else if (err)
                fprintf(stderr, "Error connecting to agent: %s\n", ta_strerror(err));
        return err ? 2 : 0;
}

static int run(int argc, char **argv) {
        static TaArgs args;
        Tadd t = {.hash = TA_HASH_SHA256};
        int letter, action = 0, status;

        ta_args_init(&args, &command, argc, argv);
        while ((letter = ta_args_next(&args)) != 0) {
                status = take_option(&t, &args, letter, &action);
                if (status)
                        return status;
        }
        if (t.json && action != 'l')
                usage(&args, "--json goes with -l");
        if (action == 'T' && args.n_operands == 0) {
                fprintf(stderr, "no keys to test\n");
                return 255;
        }
        if (ta_crypto_start_tool()) {
                ta_complain("cannot get libcrypto ready");
                return 255;
        }
        status = connect_agent(&t);
        if (!status)
                status = act(&t, action, &args);
        ta_client_free(t.client);
        return status;
}

int main(int argc, char **argv) {
        runtime_start(argc, argv, run);
}
