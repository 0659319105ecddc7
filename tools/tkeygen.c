/* SPDX-License-Identifier: ISC */
/*
 * tkeygen: makes keys, changes their passphrases, shows them; with the options, words and exit
 * statuses of ssh-keygen.
 */
#include "tools/tkeygen.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cli.h"
#include "lib/error.h"
#include "lib/evp.h"
#include "lib/file.h"
#include "lib/kdf.h"
#include "tools/ask.h"
#include "tools/keys.h"
#include "tools/runtime.h"

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
        {'X', NULL, NULL, NULL}, /* -i, as it was called before */
        {'o', NULL, NULL, NULL}, /* OpenSSH's own format, which is the default */
        {'c', NULL, NULL, "change the comment of a file"},
        /* ssh-keygen's others: known, so that the answer is not "unknown". */
        {'A', NULL, NULL, NULL},
        {'D', NULL, "lib", NULL},
        {'F', NULL, "host", NULL},
        {'g', NULL, NULL, NULL},
        {'h', NULL, NULL, NULL},
        {'H', NULL, NULL, NULL},
        {'I', NULL, "id", NULL},
        {'k', NULL, NULL, NULL},
        {'K', NULL, NULL, NULL},
        {'L', NULL, NULL, NULL},
        {'M', NULL, "verb", NULL},
        {'n', NULL, "names", NULL},
        {'O', NULL, "option", NULL},
        {'Q', NULL, NULL, NULL},
        {'r', NULL, "host", NULL},
        {'R', NULL, "host", NULL},
        {'s', NULL, "key", NULL},
        {'u', NULL, NULL, NULL},
        {'U', NULL, NULL, NULL},
        {'V', NULL, "interval", NULL},
        {'w', NULL, "lib", NULL},
        {'Y', NULL, "verb", NULL},
        {'z', NULL, "serial", NULL},
        {0},
};
static const char elsewhere[] = "ADFgHhIkKLMnOQrRsuUVwYz";

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

int tkeygen_fatal(const char *format, ...) {
        va_list ap;

        (void)fflush(stdout);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        return 255;
}

bool tkeygen_choose_file(Config *c, const char *question, const char *type) {
        char usual[2048], line[2048] = "";
        const char *path = c->file;
        int n;

        if (!path) {
                n = snprintf(usual, sizeof usual, "%s/.ssh/id_%s", ta_home(), type);
                if (n < 0 || (size_t)n >= sizeof usual) {
                        ta_complain("the name of the home folder is too long");
                        return false;
                }
                printf("%s (%s): ", question, usual);
                fflush(stdout);
                if (!fgets(line, sizeof line, stdin))
                        return false;
                line[strcspn(line, "\n")] = '\0';
                path = line[0] ? line : usual;
        }
        n = snprintf(c->path, sizeof c->path, "%s", path);
        if (n >= 0 && (size_t)n < sizeof c->path)
                return true;
        ta_complain("%s: %s", path, ta_strerror(-ENAMETOOLONG));
        return false;
}

static int ask_once(const char *given, const char *prompt, TaSecret **ret) {
        if (!given)
                return ask_passphrase(prompt, ret);
        return strlen(given) > TA_PASSPHRASE_MAX ? TA_E_LIMIT : ta_secret_dup(ta_str(given), ret);
}

int tkeygen_load(const Config *c, const char *given, const char *prompt, const char *failure,
                 TaKeyFile **ret, TaSecret **ret_passphrase) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL, *passphrase = NULL;
        struct stat st;
        int err;

        err = keys_read(c->path, &text, &st);
        if (err == -ENOENT)
                return tkeygen_fatal("%s: %s", c->path, ta_strerror(err));
        if (!err && !keys_mode_ok(c->path, &st))
                return tkeygen_fatal("%s: bad permissions", failure);
        if (!err)
                err = ta_keyfile_parse(ta_secret_bytes(text), &file);
        if (!err && file->encrypted)
                err = ask_once(given, prompt, &passphrase);
        else if (!err)
                err = ta_secret_new(0, &passphrase);
        if (err == TA_E_LIMIT && file)
                return tkeygen_fatal("A passphrase has at most %d bytes.", TA_PASSPHRASE_MAX);
        if (!err)
                ta_keyfile_unlock(&file, 1, ta_secret_bytes(passphrase), &err);
        if (err == TA_E_NEED_PASSPHRASE)
                err = TA_E_PASSPHRASE; /* an empty one was given */
        if (err) {
                keys_complain(failure, c->path, err);
                return 255;
        }
        *ret = ta_steal(&file);
        if (ret_passphrase)
                *ret_passphrase = ta_steal(&passphrase);
        return 0;
}

char *tkeygen_who(void) {
        const struct passwd *pw = getpwuid(getuid());
        char host[256] = "localhost", *who = NULL;

        (void)gethostname(host, sizeof host - 1);
        return asprintf(&who, "%s@%s", pw ? pw->pw_name : "user", host) < 0 ? NULL : who;
}

/* ---- the command line --------------------------------------------------------------------- */

/* 1 to `max`, or what ssh-keygen says of it. */
static const char *number(const char *text, unsigned long max, unsigned long *ret) {
        char *end;

        errno = 0;
        *ret = strtoul(text, &end, 10);
        if (end == text || *end)
                return "invalid";
        if (text[strspn(text, " \t")] == '-' || *ret < 1)
                return "too small";
        return errno || *ret > max ? "too large" : NULL;
}

static int take_format(Config *c, const char *value) {
        static const struct {
                const char *name;
                TaKeyFormat format;
        } formats[] = {
                {"RFC4716", TA_FORMAT_OPENSSH}, {"PKCS8", TA_FORMAT_PKCS8}, {"PEM", TA_FORMAT_PEM}};

        for (size_t i = 0; i < TA_N_ELEMENTS(formats); i++) {
                if (strcasecmp(value, formats[i].name) != 0)
                        continue;
                c->format.format = formats[i].format;
                return 0;
        }
        return tkeygen_fatal("Unsupported conversion format \"%s\"", value);
}

static int take_cipher(Config *c, const char *value) {
        for (size_t i = 0; ta_keyfile_ciphers[i]; i++) {
                if (strcmp(value, ta_keyfile_ciphers[i]) != 0)
                        continue;
                c->format.cipher = value;
                return 0;
        }
        return tkeygen_fatal("Invalid OpenSSH-format cipher '%s'", value);
}

/* Anybody can read the arguments of a process, as long as they are there. */
static int take_passphrase(const char *argument, const char **ret) {
        *ret = strdup(argument);
        if (!*ret)
                return tkeygen_fatal("%s", ta_strerror(-ENOMEM));
        ta_wipe((char *)(uintptr_t)argument, strlen(argument));
        return 0;
}

static int take_option(Config *c, int letter, const char *value) {
        const char *wrong;
        unsigned long n;
        int hash;

        switch (letter) {
        case 't': c->type = value; return 0;
        case 'f': c->file = value; return 0;
        case 'C': c->comment = value; return 0;
        case 'N': return take_passphrase(value, &c->new_passphrase);
        case 'P': return take_passphrase(value, &c->old_passphrase);
        case 'q': c->quiet = true; return 0;
        case 'v': c->picture = true; return 0;
        case 'o': return 0;
        case 'Z': return take_cipher(c, value);
        case 'm': return take_format(c, value);
        case 'b':
                wrong = number(value, UINT32_MAX, &n);
                if (wrong)
                        return tkeygen_fatal("Bits has bad value %s (%s)", value, wrong);
                c->bits = (unsigned)n;
                return 0;
        case 'a':
                wrong = number(value, TA_BCRYPT_ROUNDS_MAX, &n);
                if (wrong)
                        return tkeygen_fatal("Invalid number: %s (%s)", value, wrong);
                c->format.rounds = (uint32_t)n;
                return 0;
        case 'E':
                hash = ta_hash_find(value);
                if (hash < 0)
                        return tkeygen_fatal("Invalid hash algorithm \"%s\"", value);
                c->hash = (TaHash)hash;
                return 0;
        }
        if (strchr(elsewhere, letter)) {
                ta_complain("-%c comes in a later version; ssh-keygen does it", letter);
                return 1;
        }
        if (letter == 'X')
                letter = 'i';
        if (c->action && c->action != letter) {
                ta_complain("-%c and -%c cannot be combined", c->action, letter);
                return 255;
        }
        c->action = letter;
        return 0;
}

static const struct {
        int letter;
        int (*run)(Config *c);
} verbs[] = {
        {'p', tkeygen_change_passphrase}, {'c', tkeygen_change_comment}, {'y', tkeygen_print_public},
        {'l', tkeygen_show},              {'B', tkeygen_show},           {'e', tkeygen_convert},
        {'i', tkeygen_convert},
};

static int run(Config *c) {
        int status = 1;

        if (!c->action)
                return tkeygen_generate(c);
        if (!tkeygen_choose_file(c, "Enter file in which the key is", "ed25519"))
                return status;
        for (size_t i = 0; i < TA_N_ELEMENTS(verbs); i++) {
                if (verbs[i].letter == c->action)
                        status = verbs[i].run(c);
        }
        if (fflush(stdout) != 0 && !status)
                status = tkeygen_fatal("standard output: %s", ta_strerror(-errno));
        return status;
}

static int start(int argc, char **argv) {
        static TaArgs args;
        static Config c;
        int letter, err;

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
        if (ta_crypto_start_tool()) {
                ta_complain("cannot get libcrypto ready");
                return 255;
        }
        return run(&c);
}

int main(int argc, char **argv) {
        runtime_start(argc, argv, start);
}
