/* SPDX-License-Identifier: ISC */
/*
 * The unlocker, started as the front would: the key that it puts into the pipe, what it says of
 * files and passphrases that do not give one, and that the keepers take the key as it comes.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/launcher.h"
#include "lib/file.h"
#include "lib/keyfile.h"
#include "lib/secret.h"
#include "tests/agent/conversation.h"

#define PASSPHRASE "correct horse battery"

static int launcher, to_unlocker, key_out, key_in;
static char *dir;

static char *file_at(const char *name) {
        return g_build_filename(dir, name, NULL);
}

/* A key file of this type; the key is the caller's. */
static TaKey *write_key(const char *path, const char *option, const char *passphrase,
                        const char *comment, TaKeyFormat format) {
        const TaKeyFileOptions options = {.format = format, .rounds = 1};
        g_autoptr(GError) error = NULL;
        TaKey *key = make_key(option);
        TaSecret *text;

        g_assert_cmpint(
                ta_keyfile_write(key, ta_str(comment), ta_str(passphrase), &options, &text), ==, 0);
        (void)g_file_set_contents(path, (char *)text->data, (gssize)text->len, &error);
        g_assert_no_error(error);
        ta_secret_drop(text);
        return key;
}

static void begin_with(const char *path, int pipe_flags) {
        uint8_t buf[LAUNCH_MAX];
        TaWriter w = ta_writer(buf, sizeof buf);
        int passphrase[2], key[2];

        alarm(60);
        launcher = launcher_start();
        g_assert_cmpint(launcher, >=, 0);
        g_assert_cmpint(fcntl(launcher, F_SETFL, 0), ==, 0);
        g_assert_cmpint(pipe2(passphrase, O_CLOEXEC | pipe_flags), ==, 0);
        g_assert_cmpint(pipe2(key, O_CLOEXEC | pipe_flags), ==, 0);
        ta_write_u8(&w, LAUNCH_UNLOCK);
        ta_write_u32(&w, 7);
        ta_write_cstring(&w, path);
        g_assert_cmpint(launcher_send(launcher, ta_written(&w), (int[2]){passphrase[0], key[1]}, 2),
                        ==, 0);
        close(passphrase[0]);
        to_unlocker = passphrase[1];
        key_out = key[0];
        key_in = key[1]; /* as long as it is open, what is in the pipe does not end */
}

static void begin(const char *path) {
        begin_with(path, 0);
}

static void say(const char *bytes, size_t len) {
        g_assert_cmpint(write(to_unlocker, bytes, len), ==, (ssize_t)len);
        close(to_unlocker);
}

static LaunchEnded ended(void) {
        static uint8_t buf[LAUNCH_MAX];
        ssize_t n = recv(launcher, buf, sizeof buf, 0);
        LaunchEnded end;

        g_assert_cmpint(n, >, 0);
        g_assert_cmpint(launch_ended_read((TaBytes){buf, (size_t)n}, &end), ==, 0);
        g_assert_cmpuint(end.id, ==, 7);
        return end;
}

/* What it came to, and how long the key is. */
static int result(uint32_t *ret_len) {
        LaunchEnded end = ended();
        int status;

        g_assert_true(WIFEXITED((int)end.status));
        g_assert_cmpint(WEXITSTATUS((int)end.status), ==, 0);
        g_assert_cmpint(launch_unlocked_read(end.output, &status, ret_len), ==, 0);
        return status;
}

static void end(void) {
        close(launcher);
        close(key_out);
        close(key_in);
        g_assert_cmpint(waitpid(-1, NULL, 0), >, 0);
        alarm(0);
}

/* The key and comment in the pipe. */
static TaKey *take_key(uint32_t len, char **ret_comment) {
        g_autofree uint8_t *message = g_malloc(len + 1);
        TaBytes comment, constraints;
        TaKey *key;

        message[0] = SSH_AGENTC_ADD_IDENTITY;
        g_assert_cmpint(read(key_out, message + 1, len), ==, len);
        g_assert_cmpint(ta_add_read((TaBytes){message, len + 1}, &key, &comment, &constraints), ==, 0);
        g_assert_cmpuint(constraints.len, ==, 0);
        *ret_comment = g_strndup((const char *)comment.data, comment.len);
        return key;
}

static void is_key(uint32_t len, const TaKey *wanted, const char *comment) {
        g_autofree char *found_comment = NULL;
        TaKey *found = take_key(len, &found_comment);

        g_assert_true(found->has_private);
        g_assert_true(ta_bytes_equal(ta_key_blob(found), ta_key_blob(wanted)));
        g_assert_cmpstr(found_comment, ==, comment);
        ta_key_free(found);
}

static void is_empty(void) {
        uint8_t byte;

        g_assert_cmpint(fcntl(key_out, F_SETFL, O_NONBLOCK), ==, 0);
        g_assert_cmpint(read(key_out, &byte, 1), ==, -1);
        g_assert_cmpint(errno, ==, EAGAIN);
}

static void test_kinds(void) {
        static const struct {
                const char *option, *passphrase, *comment;
                TaKeyFormat format;
        } kinds[] = {
                {"ed25519", PASSPHRASE, "me@here", TA_FORMAT_OPENSSH},
                {"ed25519", "", "no passphrase", TA_FORMAT_OPENSSH},
                {"ecdsa", PASSPHRASE, "", TA_FORMAT_OPENSSH},
                {"rsa", PASSPHRASE, "", TA_FORMAT_PEM},
                {"ecdsa", PASSPHRASE, "", TA_FORMAT_PKCS8},
        };
        g_autofree char *path = file_at("key");

        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                TaKey *key = write_key(path, kinds[i].option, kinds[i].passphrase, kinds[i].comment,
                                       kinds[i].format);
                uint32_t len;

                begin(path);
                say(kinds[i].passphrase, strlen(kinds[i].passphrase));
                g_assert_cmpint(result(&len), ==, 0);
                is_key(len, key, *kinds[i].comment ? kinds[i].comment : path);
                end();
                ta_key_free(key);
                g_assert_cmpint(unlink(path), ==, 0);
        }
}

/* what people and programs send as a passphrase */
static void test_passphrases(void) {
        g_autofree char *path = file_at("key"), *long_line = g_strnfill(TA_PASSPHRASE_MAX + 1, 'x');
        g_autofree char *longer = g_strnfill(60000, 'x');
        const struct {
                const char *line;
                int wanted;
        } lines[] = {
                {PASSPHRASE "\n", 0},
                {PASSPHRASE "\r\n", 0},
                {PASSPHRASE "\nrubbish\n", 0},
                {PASSPHRASE " ", TA_E_PASSPHRASE},
                {"wrong", TA_E_PASSPHRASE},
                {"", TA_E_NEED_PASSPHRASE},
                {"\n", TA_E_NEED_PASSPHRASE},
                {long_line, TA_E_LIMIT},
                {longer, TA_E_LIMIT},
        };
        TaKey *key = write_key(path, "ed25519", PASSPHRASE, "c", TA_FORMAT_OPENSSH);

        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                uint32_t len;

                begin(path);
                say(lines[i].line, strlen(lines[i].line));
                g_assert_cmpint(result(&len), ==, lines[i].wanted);
                if (lines[i].wanted)
                        is_empty();
                else
                        is_key(len, key, "c");
                end();
        }
        ta_key_free(key);
        g_assert_cmpint(unlink(path), ==, 0);
}

/* the end of a line is enough, also of one that is too long: whoever sends it may stay. Pipes that
 * do not wait are waited at, as those of agent/body.h. */
static void test_line(void) {
        static const int flags[] = {0, O_NONBLOCK};
        g_autofree char *path = file_at("key"), *longer = g_strnfill(TA_PASSPHRASE_MAX + 10, 'x');
        g_autofree char *behind = g_strconcat(PASSPHRASE "\n", longer, NULL);
        TaKey *key = write_key(path, "ed25519", PASSPHRASE, "c", TA_FORMAT_OPENSSH);
        uint32_t len;

        for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
                static const char first[] = "correct horse", rest[] = " battery\n";

                begin_with(path, flags[i]);
                g_assert_cmpint(write(to_unlocker, first, strlen(first)), ==, strlen(first));
                g_usleep(200000);
                g_assert_cmpint(write(to_unlocker, rest, strlen(rest)), ==, strlen(rest));
                g_assert_cmpint(result(&len), ==, 0);
                is_key(len, key, "c");
                close(to_unlocker);
                end();

                begin_with(path, flags[i]);
                g_assert_cmpint(write(to_unlocker, longer, strlen(longer)), ==, strlen(longer));
                g_assert_cmpint(result(&len), ==, TA_E_LIMIT);
                close(to_unlocker);
                end();
        }
        begin(path); /* what is behind the line does not count */
        g_assert_cmpint(write(to_unlocker, behind, strlen(behind)), ==, strlen(behind));
        g_assert_cmpint(result(&len), ==, 0);
        is_key(len, key, "c");
        close(to_unlocker);
        end();
        ta_key_free(key);
        g_assert_cmpint(unlink(path), ==, 0);
}

/* what is no key file; nobody waits for a passphrase then */
static void test_files(void) {
        static const char garbage[] = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n";
        g_autofree char *path = file_at("f"), *link = file_at("l");
        g_autofree char *large = g_strnfill(TA_KEYFILE_MAX + 1, 'x');
        g_autoptr(GError) error = NULL;
        uint32_t len;

        for (int kind = 0; kind < 6; kind++) {
                static const int wanted[] = {-ENOENT, -EISDIR, -EINVAL, TA_E_NOT_FOUND, TA_E_TRUNCATED,
                                             -EFBIG};

                (void)unlink(path);
                if (kind == 1)
                        g_assert_cmpint(mkdir(path, 0700), ==, 0);
                else if (kind == 2)
                        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
                else if (kind == 3)
                        (void)g_file_set_contents(path, "hello\n", -1, &error);
                else if (kind == 4)
                        (void)g_file_set_contents(path, garbage, -1, &error);
                else if (kind == 5)
                        (void)g_file_set_contents(path, large, -1, &error);
                g_assert_no_error(error);
                begin(path);
                g_assert_cmpint(result(&len), ==, wanted[kind]);
                is_empty();
                close(to_unlocker);
                end();
                (void)rmdir(path);
        }
        (void)unlink(path);
        g_assert_cmpint(symlink(link, link), ==, 0);
        begin(link);
        g_assert_cmpint(result(&len), ==, -ELOOP);
        close(to_unlocker);
        end();
        g_assert_cmpint(unlink(link), ==, 0);
}

/* a passphrase that does not come: whoever asked may end it */
static void test_ended(void) {
        g_autofree char *path = file_at("key");
        TaKey *key = write_key(path, "ed25519", PASSPHRASE, "c", TA_FORMAT_OPENSSH);
        uint8_t buf[8];
        TaWriter w = ta_writer(buf, sizeof buf);
        LaunchEnded over;

        begin(path);
        ta_write_u8(&w, LAUNCH_END);
        ta_write_u32(&w, 7);
        g_assert_cmpint(launcher_send(launcher, ta_written(&w), NULL, 0), ==, 0);
        over = ended();
        g_assert_true(WIFSIGNALED((int)over.status));
        g_assert_cmpuint(over.output.len, ==, 0);
        is_empty();
        close(to_unlocker);
        end();
        ta_key_free(key);
        g_assert_cmpint(unlink(path), ==, 0);
}

/* as the front would: the pipe is the body of a key to be added */
static void added(void *data, int status, TaBytes contents) {
        int *ret = data;

        g_assert_cmpint(status, ==, 0);
        g_assert_cmpuint(contents.len, >, 0);
        *ret = 1;
}

static void test_keepers(void) {
        g_autofree char *path = file_at("key");
        TaKey *key = write_key(path, "ed25519", PASSPHRASE, "c", TA_FORMAT_OPENSSH);
        Agent *agent = conversation_begin();
        uint32_t len, id;
        Body body;
        int done = 0;

        begin(path);
        say(PASSPHRASE, strlen(PASSPHRASE));
        g_assert_cmpint(result(&len), ==, 0);
        body = (Body){.open = true, .out = dup(key_out), .in = dup(key_in), .len = len};
        g_assert_nonnull(keepers_add(agent->keepers, &body, added, &done, &id));
        while (!done)
                turn_loop_once();
        is_empty();
        end();
        conversation_end(agent);
        ta_key_free(key);
        g_assert_cmpint(unlink(path), ==, 0);
}

int main(int argc, char **argv) {
        int status;

        g_test_init(&argc, &argv, NULL);
        dir = g_dir_make_tmp("ta-unlocker-XXXXXX", NULL);
        g_assert_nonnull(dir);
        g_test_add_func("/unlocker/kinds", test_kinds);
        g_test_add_func("/unlocker/passphrases", test_passphrases);
        g_test_add_func("/unlocker/line", test_line);
        g_test_add_func("/unlocker/files", test_files);
        g_test_add_func("/unlocker/ended", test_ended);
        g_test_add_func("/unlocker/keepers", test_keepers);
        status = g_test_run();
        g_assert_cmpint(g_rmdir(dir), ==, 0);
        g_free(dir);
        return status;
}
