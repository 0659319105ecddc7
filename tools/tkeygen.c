/* SPDX-License-Identifier: ISC */
/*
 * tkeygen: makes keys, changes their passphrases, shows them; with the options of ssh-keygen.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cli.h"
#include "lib/file.h"
#include "lib/fingerprint.h"
#include "lib/kdf.h"
#include "lib/keyfile.h"
#include "lib/text.h"
#include "tools/ask.h"

static const TaOption options[] = {
        {'t', NULL, "type", "type of the new key: ed25519 (default), ecdsa, rsa"},
        {'b', NULL, "bits", "its size, for ecdsa and rsa"},
        {'f', NULL, "file", "the file of the key"},
        {'C', NULL, "comment", "its comment"},
        {'N', NULL, "passphrase", "the new passphrase"},
        {'P', NULL, "passphrase", "the old passphrase"},
        {'a', NULL, "rounds", "rounds of the key derivation (default 24)"},
        {'Z', NULL, "cipher", "cipher of the private key file (default aes256-ctr)"},
        {'m', NULL, "format", "RFC4716 (OpenSSH's own), PKCS8 or PEM"},
        {'q', NULL, NULL, "say less"},
        {'p', NULL, NULL, "change the passphrase of a file"},
        {'y', NULL, NULL, "print the public key of a private key file"},
        {'l', NULL, NULL, "print the fingerprints of a file"},
        {'v', NULL, NULL, "with -l: the picture too"},
        {'E', NULL, "hash", "hash of the fingerprint: sha256 (default), sha512, md5"},
        {'B', NULL, NULL, "print the bubblebabble digest"},
        {'e', NULL, NULL, "print the public key in another format (-m)"},
        {'i', NULL, NULL, "read a public key in another format"},
        {'c', NULL, NULL, "change the comment of a file"},
        {0},
};

static const TaCommand command = {
        .name = "tkeygen",
        .purpose = "Makes SSH keys and looks after their files.",
        .synopsis = (const char *const[]){"[-q] [-t type] [-b bits] [-C comment] [-N passphrase] "
                                          "[-f file] [-m format] [-a rounds] [-Z cipher]",
                                          "-p [-P old] [-N new] [-f file] [-m format] [-a rounds] "
                                          "[-Z cipher]",
                                          "-y [-P passphrase] [-f file]", "-l [-v] [-E hash] [-f file]",
                                          "-B [-f file]", "-e [-m format] [-f file]", "-i [-f file]",
                                          "-c [-P passphrase] [-C comment] [-f file]", NULL},
        .options = options,
        .notes = "What else ssh-keygen does (known_hosts, certificates, signatures), ssh-keygen "
                 "still does.",
};

typedef struct Config {
        int action; /* its letter; 0: generate */
        const char *type, *file, *comment, *new_passphrase, *old_passphrase;
        unsigned bits;
        TaKeyFileOptions format;
        bool quiet, picture;
        TaHash hash;
        char path[4096];
} Config;

static int fail(const char *what, int err) {
        ta_complain("%s: %s", what, ta_strerror(err));
        return 255;
}

static const char *home(void) {
        const char *dir = getenv("HOME");
        const struct passwd *pw;

        if (dir && dir[0] == '/')
                return dir;
        pw = getpwuid(getuid());
        return pw ? pw->pw_dir : "/";
}

/* The file of -f, or the answer to a question, or the usual one. */
static int choose_file(Config *c, const char *prompt, const char *type) {
        char usual[2048], line[2048] = "";
        int n;

        if (c->file) {
                n = snprintf(c->path, sizeof c->path, "%s", c->file);
                return n < 0 || (size_t)n >= sizeof c->path ? -ENAMETOOLONG : 0;
        }
        n = snprintf(usual, sizeof usual, "%s/.ssh/id_%s", home(), type);
        if (n < 0 || (size_t)n >= sizeof usual)
                return -ENAMETOOLONG;
        printf("%s (%s): ", prompt, usual);
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin))
                return TA_E_CANCELLED;
        line[strcspn(line, "\n")] = 0;
        snprintf(c->path, sizeof c->path, "%s", line[0] ? line : usual);
        return 0;
}

static int passphrase_given(const char *text, TaSecret **ret) {
        if (strlen(text) > TA_PASSPHRASE_MAX)
                return TA_E_LIMIT;
        return ta_secret_dup(ta_str(text), ret);
}

static int new_passphrase(const Config *c, TaSecret **ret) {
        ta_cleanup(ta_freep) char *prompt = NULL;

        if (c->new_passphrase)
                return passphrase_given(c->new_passphrase, ret);
        if (asprintf(&prompt, "Enter passphrase for \"%s\" (empty for no passphrase): ", c->path) < 0)
                return -ENOMEM;
        return ask_new_passphrase(prompt, "Enter same passphrase again: ",
                                  "Passphrases do not match.  Try again.", true, ret);
}

/* FILE.pub beside FILE. */
static int write_public(const char *path, const TaKey *key, TaBytes comment) {
        ta_cleanup(ta_freep) char *pub = NULL, *text = NULL;
        size_t room = 2 * key->blob_len + comment.len + 128;
        TaWriter w;

        text = malloc(room);
        if (!text || asprintf(&pub, "%s.pub", path) < 0)
                return -ENOMEM;
        w = ta_writer(text, room);
        ta_publine_write(&w, key, comment);
        ta_write_u8(&w, '\n');
        return w.err ? w.err : ta_file_write(pub, ta_written(&w), 0644, true);
}

static int write_private(const Config *c, const TaKey *key, TaBytes comment, TaBytes passphrase,
                         bool replace) {
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        TaKeyFileOptions format = c->format;
        int err;

        if (format.format == TA_FORMAT_PEM && key->type == &ta_key_ed25519)
                format.format = TA_FORMAT_OPENSSH; /* PEM has no form for it; ssh-keygen does so too */
        err = ta_keyfile_write(key, comment, passphrase, &format, &text);
        if (err == TA_E_LIMIT && passphrase.len > 0 && passphrase.len < 5 &&
            c->format.format != TA_FORMAT_OPENSSH)
                ta_complain("a passphrase for this format needs at least 5 characters");
        return err ? err : ta_file_write(c->path, ta_secret_bytes(text), 0600, replace);
}

/* Public text of a file or of standard input ("-"). */
static int read_text(const char *path, TaSecret **ret) {
        return strcmp(path, "-") == 0 ? ta_file_read_fd(0, TA_KEYFILE_MAX, ret)
                                      : ta_file_read(path, TA_KEYFILE_MAX, ret, NULL);
}

/* The private key of c->path, with -P, without, or after asking. */
static int load_private(const Config *c, TaKeyFile **ret) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL, *passphrase = NULL;
        ta_cleanup(ta_freep) char *prompt = NULL;
        struct stat st;
        int err;

        err = ta_file_read(c->path, TA_KEYFILE_MAX, &text, &st);
        if (err)
                return err;
        if (ta_file_private_mode(&st, getuid())) {
                ta_complain("%s: others can read this private key (mode %03o); chmod 600 '%s'",
                            c->path, (unsigned)st.st_mode & 0777, c->path);
                return TA_E_REFUSED;
        }
        err = ta_keyfile_parse(ta_secret_bytes(text), &file);
        if (err)
                return err;
        if (c->old_passphrase)
                err = passphrase_given(c->old_passphrase, &passphrase);
        else if (file->encrypted) {
                if (asprintf(&prompt, "Enter passphrase for \"%s\": ", c->path) < 0)
                        return -ENOMEM;
                err = ask_passphrase(prompt, &passphrase);
        }
        if (err)
                return err;
        ta_keyfile_unlock(&file, 1, ta_secret_bytes(passphrase), &err);
        if (!err)
                *ret = ta_steal(&file);
        return err;
}

/* ---- verbs ------------------------------------------------------------------------------ */

static int make_folder(const Config *c) {
        char folder[2048];
        size_t len = (size_t)snprintf(folder, sizeof folder, "%s/.ssh", home());

        if (len >= sizeof folder || strncmp(c->path, folder, len) != 0 || c->path[len] != '/')
                return 0;
        if (mkdir(folder, 0700) == 0) {
                if (!c->quiet)
                        printf("Created directory '%s'.\n", folder);
                return 0;
        }
        return errno == EEXIST ? 0 : -errno;
}

static int generate(Config *c) {
        const TaKeyType *type = ta_key_type_by_option(c->type ? c->type : "ed25519", c->bits);
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *passphrase = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;
        char fingerprint[TA_FINGERPRINT_MAX], art[TA_RANDOMART_MAX], host[256] = "localhost";
        const struct passwd *pw = getpwuid(getuid());
        bool replace = false;
        struct stat st;
        int err;

        if (!type) {
                ta_complain("unknown key type or size %s; ed25519, rsa, or ecdsa with -b 256, 384 or 521",
                            c->type ? c->type : "");
                return 255;
        }
        if (!c->quiet)
                printf("Generating public/private %s key pair.\n", type->option);
        err = choose_file(c, "Enter file in which to save the key", type->option);
        if (!err)
                err = make_folder(c);
        if (err)
                return fail(c->path, err);
        if (lstat(c->path, &st) == 0) {
                printf("%s already exists.\n", c->path);
                replace = ask_yes("Overwrite (y/n)? ");
                if (!replace)
                        return 1;
        }
        err = new_passphrase(c, &passphrase);
        if (err)
                return fail("passphrase", err);
        err = ta_key_generate(type, type->bits ? 0 : c->bits, &key);
        if (err)
                return fail("the new key", err);
        (void)gethostname(host, sizeof host - 1);
        if (c->comment)
                comment = strdup(c->comment);
        else if (asprintf(&comment, "%s@%s", pw ? pw->pw_name : "user", host) < 0)
                comment = NULL;
        if (!comment)
                return fail("comment", -ENOMEM);
        err = write_private(c, key, ta_str(comment), ta_secret_bytes(passphrase), replace);
        if (!err)
                err = write_public(c->path, key, ta_str(comment));
        if (!err)
                err = ta_fingerprint(key, c->hash, fingerprint);
        if (!err)
                err = ta_randomart(key, c->hash, art);
        if (err)
                return fail(c->path, err);
        if (!c->quiet)
                printf("Your identification has been saved in %s\n"
                       "Your public key has been saved in %s.pub\n"
                       "The key fingerprint is:\n%s %s\nThe key's randomart image is:\n%s\n",
                       c->path, c->path, fingerprint, comment, art);
        return 0;
}

static int change_passphrase(Config *c) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *passphrase = NULL;
        int err = load_private(c, &file);

        if (!err)
                err = new_passphrase(c, &passphrase);
        if (!err)
                err = write_private(c, file->key, ta_secret_bytes(file->comment),
                                    ta_secret_bytes(passphrase), true);
        if (err)
                return fail(c->path, err);
        printf("Your identification has been saved with the new passphrase.\n");
        return 0;
}

static int change_comment(Config *c) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *again = NULL;
        char line[1024] = "";
        int err = load_private(c, &file);

        if (!err && file->format != TA_FORMAT_OPENSSH) {
                ta_complain("%s: this format has no comment; tkeygen -p -f '%s' converts it", c->path,
                            c->path);
                return 1;
        }
        if (!err && !c->comment) {
                printf("New comment: ");
                fflush(stdout);
                if (!fgets(line, sizeof line, stdin))
                        return 1;
                line[strcspn(line, "\n")] = 0;
        }
        if (!err && file->encrypted && c->old_passphrase)
                err = passphrase_given(c->old_passphrase, &again);
        else if (!err && file->encrypted) {
                printf("The file is written anew, with the passphrase of your choice.\n");
                err = new_passphrase(c, &again);
        }
        if (!err)
                err = write_private(c, file->key, ta_str(c->comment ? c->comment : line),
                                    ta_secret_bytes(again), true);
        if (!err)
                err = write_public(c->path, file->key, ta_str(c->comment ? c->comment : line));
        if (err)
                return fail(c->path, err);
        printf("Comment '%s' applied\n", c->comment ? c->comment : line);
        return 0;
}

static int print_line(const TaKey *key, TaBytes comment) {
        ta_cleanup(ta_freep) char *text = NULL;
        size_t room = 2 * key->blob_len + comment.len + 128;
        TaWriter w;

        text = malloc(room);
        if (!text)
                return -ENOMEM;
        w = ta_writer(text, room);
        ta_publine_write(&w, key, comment);
        ta_write_u8(&w, 0);
        if (w.err)
                return w.err;
        puts(text);
        return 0;
}

static int print_public(Config *c) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        int err = load_private(c, &file);

        if (!err)
                err = print_line(file->key, ta_secret_bytes(file->comment));
        return err ? fail(c->path, err) : 0;
}

static int show(const Config *c, const TaKey *key, TaBytes comment) {
        ta_cleanup(ta_freep) char *shown = ta_display(comment, 1024);
        char fingerprint[TA_FINGERPRINT_MAX], art[TA_RANDOMART_MAX], type[32];
        int err = c->action == 'B' ? ta_bubblebabble(key, fingerprint)
                                   : ta_fingerprint(key, c->hash, fingerprint);

        if (err)
                return err;
        printf("%u %s %s (%s)\n", ta_key_bits(key), fingerprint,
               shown && *shown ? shown : "no comment", ta_key_shown(key, type));
        if (c->picture) {
                err = ta_randomart(key, c->hash, art);
                if (!err)
                        puts(art);
        }
        return err;
}

/* A private key's envelope, a public key in any format, or many lines of them. */
static int show_file(Config *c) {
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        ta_cleanup(ta_key_freep) TaKey *whole = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;
        const uint8_t *at, *end;
        size_t n = 0;
        int err = read_text(c->path, &text);

        if (err)
                return fail(c->path, err);
        at = text->data;
        end = at + text->len;
        while (at < end) {
                const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
                ta_cleanup(ta_key_freep) TaKey *key = NULL;
                TaBytes line_comment = {0};

                if (!stop)
                        stop = end;
                if (ta_publine_read((TaBytes){at, (size_t)(stop - at)}, &key, &line_comment, NULL) == 0) {
                        err = show(c, key, line_comment);
                        if (err)
                                return fail(c->path, err);
                        n++;
                }
                at = stop + 1;
        }
        if (n > 0)
                return 0;
        err = ta_pubfile_read(ta_secret_bytes(text), &whole, &comment);
        if (!err)
                err = show(c, whole, ta_str(comment));
        if (err) {
                ta_complain("%s is not a public key file.", c->path);
                return 255;
        }
        return 0;
}

static int convert(Config *c) {
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        ta_cleanup(ta_freep) char *comment = NULL, *out = NULL;
        int err = read_text(c->path, &text);

        if (!err)
                err = ta_pubfile_read(ta_secret_bytes(text), &key, &comment);
        if (!err && c->action == 'i')
                err = print_line(key, ta_str(""));
        else if (!err) {
                err = ta_pubfile_write(key, ta_str(comment), c->format.format, &out);
                if (!err)
                        fputs(out, stdout);
        }
        return err ? fail(c->path, err) : 0;
}

static const struct {
        int letter;
        int (*run)(Config *c);
        const char *prompt;
} verbs[] = {
        {'p', change_passphrase, "Enter file in which the key is"},
        {'c', change_comment, "Enter file in which the key is"},
        {'y', print_public, "Enter file in which the key is"},
        {'l', show_file, "Enter file in which the key is"},
        {'B', show_file, "Enter file in which the key is"},
        {'e', convert, "Enter file in which the key is"},
        {'i', convert, "Enter file in which the key is"},
};

static bool number(const char *text, unsigned long max, unsigned long *ret) {
        char *end;

        errno = 0;
        *ret = strtoul(text, &end, 10);
        return !errno && end != text && !*end && text[0] != '-' && *ret >= 1 && *ret <= max;
}

static int take_option(Config *c, int letter, const char *value) {
        static const struct {
                const char *name;
                TaKeyFormat format;
        } formats[] = {{"RFC4716", TA_FORMAT_OPENSSH}, {"PKCS8", TA_FORMAT_PKCS8}, {"PEM", TA_FORMAT_PEM}};
        unsigned long n;
        int hash;

        switch (letter) {
        case 't': c->type = value; return 0;
        case 'f': c->file = value; return 0;
        case 'C': c->comment = value; return 0;
        case 'N': c->new_passphrase = value; return 0;
        case 'P': c->old_passphrase = value; return 0;
        case 'q': c->quiet = true; return 0;
        case 'v': c->picture = true; return 0;
        case 'Z': c->format.cipher = value; return 0;
        case 'b':
                if (!number(value, TA_RSA_BITS_MAX, &n))
                        break;
                c->bits = (unsigned)n;
                return 0;
        case 'a':
                if (!number(value, TA_BCRYPT_ROUNDS_MAX, &n))
                        break;
                c->format.rounds = (uint32_t)n;
                return 0;
        case 'E':
                hash = ta_hash_find(value);
                if (hash < 0)
                        break;
                c->hash = (TaHash)hash;
                return 0;
        case 'm':
                for (size_t i = 0; i < TA_N_ELEMENTS(formats); i++)
                        if (strcmp(value, formats[i].name) == 0) {
                                c->format.format = formats[i].format;
                                return 0;
                        }
                break;
        default:
                if (c->action && c->action != letter) {
                        ta_complain("-%c and -%c cannot be combined", c->action, letter);
                        return 255;
                }
                c->action = letter;
                return 0;
        }
        ta_complain("-%c %s: this value is not valid", letter, value);
        return 255;
}

int main(int argc, char **argv) {
        static TaArgs args;
        static Config c;
        int letter, err;

        ta_start();
        (void)prctl(PR_SET_DUMPABLE, 0);
        ta_args_init(&args, &command, argc, argv);
        while ((letter = ta_args_next(&args))) {
                err = take_option(&c, letter, args.value);
                if (err)
                        return err;
        }
        if (args.n_operands > 0) {
                ta_complain("too many arguments: %s", args.operands[0]);
                return 1;
        }
        if (ta_secret_init(0) || ta_secret_adopt_libcrypto()) {
                ta_complain("cannot reserve protected memory");
                return 255;
        }
        if (!c.action)
                return generate(&c);
        for (size_t i = 0; i < TA_N_ELEMENTS(verbs); i++) {
                if (verbs[i].letter != c.action)
                        continue;
                err = choose_file(&c, verbs[i].prompt, "ed25519");
                return err ? fail("file", err) : verbs[i].run(&c);
        }
        abort();
}
