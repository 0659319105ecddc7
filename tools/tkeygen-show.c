/* SPDX-License-Identifier: ISC */
/* What tkeygen prints: fingerprints, pictures, public keys in any format. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/cli.h"
#include "lib/error.h"
#include "lib/file.h"
#include "tools/keys.h"
#include "tools/runtime.h"
#include "tools/tkeygen.h"

#define WINDOW (256u << 10) /* of a stream; longer than the line of any key */

/* ---- the public half ------------------------------------------------------------------------ */

static int print_line(const TaKey *key, TaBytes comment) {
        size_t room = 2 * key->blob_len + comment.len + 128;
        ta_cleanup(ta_freep) char *text = keys_alloc(room);
        TaWriter w = ta_writer(text, room);

        ta_publine_write(&w, key, comment);
        ta_write_u8(&w, 0);
        if (w.err)
                return tkeygen_fatal("%s", ta_strerror(w.err));
        puts(text);
        return 0;
}

static int load(const Config *c, TaKeyFile **ret) {
        ta_cleanup(ta_freep) char *failure = NULL, *prompt = NULL;

        if (asprintf(&failure, "Load key \"%s\"", c->path) < 0 ||
            asprintf(&prompt, "Enter passphrase for \"%s\": ", c->path) < 0)
                return tkeygen_fatal("%s", ta_strerror(-ENOMEM));
        return tkeygen_load(c, c->old_passphrase, prompt, failure, ret, NULL);
}

int tkeygen_print_public(Config *c) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        int status = load(c, &file);

        return status ? status : print_line(file->key, ta_secret_bytes(file->comment));
}

/* ---- other formats -------------------------------------------------------------------------- */

static int import(Config *c) {
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;
        int err = keys_read(strcmp(c->path, "-") == 0 ? NULL : c->path, &text, NULL);

        if (!err)
                err = ta_pubfile_read(ta_secret_bytes(text), &key, &comment);
        if (err)
                return tkeygen_fatal("%s: %s", c->path,
                                     err == TA_E_NOT_FOUND ? "no public key in it"
                                                           : ta_strerror(err));
        return print_line(key, ta_str(""));
}

/* The key of a public key file, of FILE.pub, or of a private key file. */
static int find_key(Config *c, TaKey **ret, TaKeyFile **ret_file) {
        ta_cleanup(ta_freep) char *comment = NULL;
        int status, err = keys_public(c->path, ret, &comment);

        if (!err)
                return 0;
        status = load(c, ret_file);
        return status ? status : (ta_key_plain((*ret_file)->key, ret) ? 255 : 0);
}

int tkeygen_convert(Config *c) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        ta_cleanup(ta_freep) char *comment = NULL, *out = NULL, *who = NULL;
        char type[32];
        int err, status;

        if (c->action == 'i')
                return import(c);
        who = tkeygen_who(); /* before there is a secret: it may load what looks up names */
        status = find_key(c, &key, &file);
        if (status)
                return status;
        if (!who || asprintf(&comment, "%u-bit %s, converted by %s from OpenSSH", ta_key_bits(key),
                             ta_key_shown(key, type), who) < 0)
                return tkeygen_fatal("%s", ta_strerror(-ENOMEM));
        err = ta_pubfile_write(key, ta_str(comment), c->format.format, &out);
        if (err)
                return tkeygen_fatal("%s: %s", c->path, ta_strerror(err));
        fputs(out, stdout);
        return 0;
}

/* ---- fingerprints --------------------------------------------------------------------------- */

static int show(const Config *c, const TaKey *key, TaBytes comment) {
        ta_cleanup(ta_freep) char *shown = keys_shown(comment);
        char fingerprint[TA_FINGERPRINT_MAX], art[TA_RANDOMART_MAX], type[32];
        int err = c->action == 'B' ? ta_bubblebabble(key, fingerprint)
                                   : ta_fingerprint(key, c->hash, fingerprint);

        if (!err && c->picture)
                err = ta_randomart(key, c->hash, art);
        if (err)
                return tkeygen_fatal("%s: %s", c->path, ta_strerror(err));
        printf("%u %s %s (%s)\n", ta_key_bits(key), fingerprint, *shown ? shown : "no comment",
               ta_key_shown(key, type));
        if (c->picture)
                puts(art);
        return 0;
}

/* Lines of public keys, also those of authorized_keys and known_hosts, whose options or hosts stand
 * in for a comment. Of the last line of `text` the end may be still to come, unless it is the `last`
 * of all; then it is left there. */
static int show_lines(const Config *c, TaBytes *text, bool last, size_t *n) {
        while (text->len > 0) {
                const uint8_t *end = memchr(text->data, '\n', text->len);
                TaBytes line = {text->data, end ? (size_t)(end - text->data) : text->len};
                ta_cleanup(ta_key_freep) TaKey *key = NULL;
                TaBytes comment = {0}, prefix = {0};
                size_t used = line.len + (end != NULL);
                int status;

                if (!end && !last)
                        return 0;
                *text = (TaBytes){text->data + used, text->len - used};
                if (ta_publine_read(line, &key, &comment, &prefix))
                        continue;
                if (comment.len == 0 || comment.data[0] == '#')
                        comment = prefix;
                status = show(c, key, comment);
                if (status)
                        return status;
                ++*n;
        }
        return 0;
}

/* Room for more, by forgetting what was shown. Returns whether what is left begins within a line that
 * is too long to be a key. */
static bool make_room(TaSecret *window, size_t shown) {
        size_t kept = window->len - shown;
        bool too_long = kept == window->cap;

        if (too_long)
                kept = 0;
        memmove(window->data, window->data + window->len - kept, kept);
        window->len = kept;
        return too_long;
}

/* However many lines there are. `ret_whole`: whether all that was read is still in the window. */
static int show_stream(const Config *c, int fd, TaSecret *window, size_t *n, bool *ret_whole) {
        bool too_long = false;
        size_t shown = 0;
        ssize_t len;

        *ret_whole = true;
        do {
                TaBytes rest;
                int status;

                if (window->len == window->cap) {
                        too_long |= make_room(window, shown);
                        shown = 0;
                        *ret_whole = false;
                }
                len = ta_file_read_some(fd, window->data + window->len, window->cap - window->len);
                if (len < 0)
                        return tkeygen_fatal("%s: %s", c->path, ta_strerror((int)len));
                window->len += (size_t)len;
                if (*n == 0 && keys_private(ta_secret_bytes(window)))
                        runtime_hide();
                rest = (TaBytes){window->data + shown, window->len - shown};
                if (too_long) {
                        const uint8_t *end = memchr(rest.data, '\n', rest.len);
                        size_t skipped = end ? (size_t)(end + 1 - rest.data) : rest.len;

                        too_long = !end;
                        rest = (TaBytes){rest.data + skipped, rest.len - skipped};
                }
                status = show_lines(c, &rest, len == 0, n);
                if (status)
                        return status;
                shown = window->len - rest.len;
        } while (len > 0);
        return 0;
}

/* A private key without a passphrase tells its public half and its comment itself. */
static int show_private(Config *c, TaBytes text) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;
        int err = keys_public(c->path, &key, &comment);
        int private = 0;

        if (err || !*comment) {
                private = ta_keyfile_parse(text, &file);
                if (!private)
                        ta_keyfile_unlock(&file, 1, ta_str(""), &private);
                if (!private)
                        return show(c, file->key, ta_secret_bytes(file->comment));
        }
        if (!err)
                return show(c, key, ta_str(comment));
        (void)tkeygen_fatal("%s is not a key file.", c->path);
        if (private == TA_E_NEED_PASSPHRASE)
                fprintf(stderr,
                        "Its public half is encrypted too: tkeygen -y -f '%s' | tkeygen -l -f -\n",
                        c->path);
        return 255;
}

/* What no line was: a key in one of the formats that are no lines. */
static int show_whole(const Config *c, TaBytes text) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;

        if (ta_pubfile_read(text, &key, &comment) == 0)
                return show(c, key, ta_str(comment));
        return tkeygen_fatal("%s is not a public key file.", c->path);
}

static int show_fd(const Config *c, int fd) {
        ta_cleanup(ta_secret_dropp) TaSecret *window = NULL;
        bool whole = false;
        size_t n = 0;
        int status, err = ta_secret_new(WINDOW, &window);

        if (err)
                return tkeygen_fatal("%s: %s", c->path, ta_strerror(err));
        status = show_stream(c, fd, window, &n, &whole);
        if (status || n > 0)
                return status;
        return show_whole(c, whole ? ta_secret_bytes(window) : (TaBytes){0});
}

int tkeygen_show(Config *c) {
        static const char mark[] = "PRIVATE KEY";
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        ta_cleanup(ta_closep) int fd = -1;
        const uint8_t *end;
        TaBytes rest;
        size_t n = 0;
        int status, err;

        if (strcmp(c->path, "-") == 0) {
                (void)snprintf(c->path, sizeof c->path, "(stdin)");
                return show_fd(c, STDIN_FILENO);
        }
        err = keys_read(c->path, &text, NULL);
        if (err == -EFBIG) { /* no key, but a known_hosts can be as large */
                fd = open(c->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
                return fd < 0 ? tkeygen_fatal("%s: %s", c->path, ta_strerror(-errno)) : show_fd(c, fd);
        }
        if (err)
                return tkeygen_fatal("%s: %s", c->path, ta_strerror(err));
        rest = ta_secret_bytes(text);
        end = memchr(rest.data, '\n', rest.len);
        if (end && memmem(rest.data, (size_t)(end - rest.data), mark, sizeof mark - 1))
                return show_private(c, rest);
        status = show_lines(c, &rest, true, &n);
        return status || n > 0 ? status : show_whole(c, ta_secret_bytes(text));
}
