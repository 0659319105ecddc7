/* SPDX-License-Identifier: ISC */
/*
 * tagent-unlocker: one key file, one passphrase, one key for the keepers, and the end. Deriving a key
 * from a passphrase takes a tenth of a second and more, which no keeper has to spare, and reads a file
 * that anybody may have written, which no keeper should. Started by the agent's launcher, which
 * opens the file and attaches the pipes; like a keeper it has no byte that others could read.
 *
 * What it says at its end is in agent/launch.h.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/keeper/walls.h"
#include "agent/launch.h"
#include "lib/allsecret.h"
#include "lib/evp.h"
#include "lib/file.h"
#include "lib/keyfile.h"
#include "lib/message.h"

#define CPU_SECONDS 300 /* TA_BCRYPT_ROUNDS_MAX takes less; PBKDF2 has its own bound */

/* Up to the end of the line or of the pipe, as askpass programs and people send it: who has ended
 * the line may keep the pipe. What came behind it is wiped with the rest. */
static int read_passphrase(TaSecret **ret) {
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        bool ended = false;
        int err = ta_secret_new(TA_PASSPHRASE_MAX + 1, &text);

        while (!err && !ended) {
                size_t more = text->cap - text->len;
                ssize_t n = ta_file_read_some(UNLOCK_PASSPHRASE_FD, text->data + text->len, more);

                if (n < 0)
                        return (int)n;
                ended = n == 0;
                for (; n > 0 && !ended; n--) {
                        uint8_t c = text->data[text->len];

                        ended = c == '\n' || c == '\r';
                        text->len += !ended;
                }
                if (!ended && text->len == text->cap)
                        err = TA_E_LIMIT;
        }
        if (!err)
                *ret = ta_steal(&text);
        return err;
}

/* The key of the file, as the body of an ADD_IDENTITY message. */
static int unlock(const char *name, TaSecret **ret) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL, *passphrase = NULL, *message = NULL;
        TaBytes comment;
        TaWriter w;
        int err;

        err = ta_file_read_fd(UNLOCK_FILE_FD, TA_KEYFILE_MAX, &text);
        if (!err)
                err = ta_keyfile_parse(ta_secret_bytes(text), &file);
        if (!err)
                err = read_passphrase(&passphrase);
        if (!err)
                ta_keyfile_unlock(&file, 1, ta_secret_bytes(passphrase), &err);
        if (!err)
                err = ta_secret_new(TA_MSG_MAX, &message);
        if (err)
                return err;
        comment = ta_secret_bytes(file->comment);
        w = ta_writer(message->data, message->cap);
        ta_add_write(&w, file->key, comment.len > 0 ? comment : ta_str(name), NULL);
        if (w.err)
                return w.err;
        /* Without the byte that says what it is: that is no secret, and the front's to know. */
        message->len = w.len - 1;
        memmove(message->data, message->data + 1, message->len);
        *ret = ta_steal(&message);
        return 0;
}

static int unlocker(void *name) {
        ta_cleanup(ta_secret_dropp) TaSecret *key = NULL;
        uint8_t report[LAUNCH_UNLOCKED_LEN];
        TaWriter w = ta_writer(report, sizeof report);
        int err;

        err = ta_crypto_start_tool();
        if (!err && sodium_init() < 0)
                err = TA_E_CRYPTO;
        (void)ta_allsecret_move();
        (void)setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS, CPU_SECONDS});
        (void)walls_close(walls_unlocker_syscalls, walls_n_unlocker_syscalls);
        if (!err)
                err = unlock(name, &key);
        if (!err)
                err = ta_file_write_all(UNLOCK_KEY_FD, ta_secret_bytes(key));
        launch_unlocked_write(&w, err, err ? 0 : (uint32_t)key->len);
        err = ta_file_write_all(UNLOCK_REPORT_FD, ta_written(&w));
        ta_secret_wipe_all();
        ta_registers_clear();
        _exit(err != 0);
}

int main(int argc, char **argv) {
        walls_begin();
        if (argc != 2 || fcntl(UNLOCK_PASSPHRASE_FD, F_GETFD) < 0 || fcntl(UNLOCK_KEY_FD, F_GETFD) < 0) {
                fputs("tagent-unlocker: started by tagent, not by hand\n", stderr);
                return 1;
        }
        /* Who made the pipes may not wait at them; we do, and poll(2) is forbidden. */
        (void)fcntl(UNLOCK_PASSPHRASE_FD, F_SETFL, 0);
        (void)fcntl(UNLOCK_KEY_FD, F_SETFL, 0);
        ta_allsecret_run(unlocker, argv[1]);
}
