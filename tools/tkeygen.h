/* SPDX-License-Identifier: ISC */
/* What the parts of tkeygen share: the choices of the command line, and asking for files. */
#ifndef TA_TOOLS_TKEYGEN_H
#define TA_TOOLS_TKEYGEN_H

#include "lib/fingerprint.h"
#include "lib/keyfile.h"

typedef struct Config {
        int action; /* its letter; 0: generate */
        const char *type, *file, *comment, *new_passphrase, *old_passphrase;
        unsigned bits;
        TaKeyFileOptions format;
        bool quiet, picture;
        TaHash hash;
        char path[4096]; /* the file, after tkeygen_choose_file() */
} Config;

/* Each verb returns the exit status. */
int tkeygen_generate(Config *c);
int tkeygen_change_passphrase(Config *c);
int tkeygen_change_comment(Config *c);
int tkeygen_print_public(Config *c);
int tkeygen_show(Config *c);
int tkeygen_convert(Config *c);

/* One sentence on standard error, as ssh-keygen prints it (without the program's name); 255. */
int tkeygen_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The file of -f, or the answer to a question, or the usual one of that type. False: said why. */
bool tkeygen_choose_file(Config *c, const char *question, const char *type);

/* The private key of c->path: without a passphrase, with the one of the command line, or after
 * asking with `prompt`. `failure`, as in "Load key \"%s\"", begins the complaint. The passphrase
 * is that of the file, empty if it has none. NULL `ret_passphrase`: not wanted. Returns the exit
 * status, 0 or 255. */
int tkeygen_load(const Config *c, const char *given, const char *prompt, const char *failure,
                 TaKeyFile **ret, TaSecret **ret_passphrase);

/* "user@host", for new keys; heap, NULL without memory. */
char *tkeygen_who(void);

#endif
