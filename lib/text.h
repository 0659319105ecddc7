/* SPDX-License-Identifier: ISC */
/*
 * Bytes as text and back: base64 and hex (constant time, since private keys pass through), armour
 * ("-----BEGIN ..."), and untrusted text made harmless for a terminal.
 */
#ifndef TA_LIB_TEXT_H
#define TA_LIB_TEXT_H

#include "lib/base.h"
#include "lib/wire.h"

/* Base64 with padding (RFC 4648 section 4), appended. Decoding skips blanks and line ends, and
 * refuses everything else that does not belong: TA_E_MALFORMED. */
void ta_base64_write(TaWriter *w, TaBytes bytes);
ta_must_check int ta_base64_read(TaBytes text, TaWriter *w);

/* Lower-case hex, appended. */
void ta_hex_write(TaWriter *w, TaBytes bytes);

/* The armour around `label` ("OPENSSH PRIVATE KEY"): finds the first such block in the text, takes
 * CRLF, a byte order mark, and blanks at the ends of lines. The body is a view of what lies between
 * the two marker lines. TA_E_NOT_FOUND, TA_E_TRUNCATED (no end marker). */
ta_must_check int ta_armour_find(TaBytes text, const char *label, TaBytes *ret_body);
/* Writes it, base64 in lines of `width` columns. */
void ta_armour_write(TaWriter *w, const char *label, TaBytes bytes, size_t width);

/* Appends text from a stranger so that a terminal or a dialog shows it and does nothing else:
 * control characters, line ends, escape sequences, invalid UTF-8, and bidirectional and invisible
 * format characters become \x.. or \u....; printable Unicode stays. At most `max` bytes come out
 * (cut with "..." on a character's edge). */
void ta_display_write(TaWriter *w, TaBytes untrusted, size_t max);
/* The same into a NUL-terminated heap string; NULL if memory is short. The caller frees it. */
char *ta_display(TaBytes untrusted, size_t max);

/* Appends a JSON string in quotes, whatever the bytes: invalid UTF-8 becomes U+FFFD. */
void ta_json_write_string(TaWriter *w, TaBytes bytes);

/* "90", "1h30m", "2d", "1w" (sshd_config(5), TIME FORMATS) to seconds; TA_E_MALFORMED, TA_E_LIMIT. */
ta_must_check int ta_duration_read(const char *text, uint32_t *ret_seconds);
/* As ssh-add prints it: "01:30:00", "1d02h03m", "01w2d03h". */
void ta_duration_write(uint32_t seconds, char out[static 32]);

#endif
