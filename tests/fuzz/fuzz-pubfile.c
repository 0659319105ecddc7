/* SPDX-License-Identifier: ISC */
/* Public key files: lines, RFC 4716, PEM. What is taken is the same key in each form we write. */
#include "lib/keyfile.h"
#include "tests/fuzz/fuzz.h"

static void again(const TaKey *key, TaBytes comment) {
        static uint8_t line[4 * TA_KEY_BLOB_MAX];
        ta_cleanup(ta_key_freep) TaKey *one = NULL, *two = NULL;
        ta_cleanup(ta_freep) char *text = NULL, *found = NULL;
        TaWriter w = ta_writer(line, sizeof line);
        TaBytes prefix, rest;

        ta_publine_write(&w, key, comment);
        if (!w.err) {
                must(ta_publine_read(ta_written(&w), &one, &rest, &prefix) == 0);
                must(prefix.len == 0 && ta_bytes_equal(ta_key_blob(one), ta_key_blob(key)));
        }
        must(ta_pubfile_write(key, comment, TA_FORMAT_OPENSSH, &text) == 0);
        must(ta_pubfile_read(ta_str(text), &two, &found) == 0);
        must(ta_bytes_equal(ta_key_blob(two), ta_key_blob(key)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL, *of_line = NULL;
        ta_cleanup(ta_freep) char *comment = NULL;
        TaBytes text = {data, len}, found, prefix;

        if (ta_pubfile_read(text, &key, &comment) == 0)
                again(key, ta_str(comment));
        if (ta_publine_read(text, &of_line, &found, &prefix) == 0) {
                must(found.len == 0 || (found.data > data && found.data + found.len <= data + len));
                must(prefix.len < len);
                again(of_line, found);
        }
        return 0;
}
