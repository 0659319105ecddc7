/* SPDX-License-Identifier: ISC */
/*
 * F27, F28, F29: key files are written, and at each system call on the way the writer is killed, or
 * the call fails, or a signal comes. Under its name a file is the old one or the new one, whole; it
 * is never open to others; what says that it succeeded has; what failed says so.
 *
 * TA_LONG=1: at every one; otherwise at every so manieth, others at each run.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/keyfile.h"
#include "tests/support/strike.h"

/* Without TA_LONG=1; a prime, since what a program does repeats itself. */
#ifdef TA_SANITIZED
#define STRIDE 211u /* their start takes a hundred times as long */
#else
#define STRIDE 47u
#endif
#define WRITE_MAX 8 /* bytes at once: a file is in the making for many calls */

static const char old_comment[] = "the old comment", new_comment[] = "another";

/* A file before and after; NULL passphrase: none. */
typedef struct Case {
        const char *name;
        const char *args; /* of tkeygen; NULL: ta_file_write() by itself */
        TaKeyFormat format;
        bool exists;
        bool replace;                           /* where there are no `args` */
        bool by_link;                           /* k is a symbolic link to folder/real */
        const char *passphrase[2], *comment[2]; /* old, new */
        bool writes_public;
        enum { ED25519, ECDSA, RSA, N_KINDS } kind;
} Case;

static const Case cases[] = {
        {.name = "ta_file_write, new"},
        {.name = "ta_file_write, over", .exists = true, .replace = true},
        {.name = "ta_file_write, by a link", .exists = true, .replace = true, .by_link = true},
        {.name = "ta_file_write, exists", .exists = true},
        {.name = "new", .args = "-q -t ed25519 -N% -C another -f k", .writes_public = true},
        {.name = "new, sealed",
         .args = "-q -t ed25519 -a 1 -N new -C another -f k",
         .writes_public = true,
         .passphrase = {NULL, "new"}},
        {.name = "new, ECDSA", .args = "-q -t ecdsa -N% -C another -f k", .writes_public = true},
        {.name = "new, PKCS#8",
         .args = "-q -t ecdsa -m PKCS8 -N% -C another -f k",
         .format = TA_FORMAT_PKCS8,
         .writes_public = true},
        {.name = "-p, none to one",
         .args = "-p -a 1 -N new -f k",
         .exists = true,
         .passphrase = {NULL, "new"},
         .comment = {old_comment, old_comment}},
        {.name = "-p, one to none",
         .args = "-p -P old -N% -f k",
         .exists = true,
         .passphrase = {"old", NULL},
         .comment = {old_comment, old_comment}},
        {.name = "-p, one to another",
         .args = "-p -a 1 -P old -N new -f k",
         .exists = true,
         .passphrase = {"old", "new"},
         .comment = {old_comment, old_comment}},
        {.name = "-p, by a link",
         .args = "-p -a 1 -N new -f k",
         .exists = true,
         .by_link = true,
         .passphrase = {NULL, "new"},
         .comment = {old_comment, old_comment}},
        {.name = "-p, PEM",
         .args = "-p -m PEM -N newer -f k",
         .format = TA_FORMAT_PEM,
         .exists = true,
         .passphrase = {NULL, "newer"},
         .kind = ECDSA},
        {.name = "-p, PKCS#8",
         .args = "-p -m PKCS8 -N newer -f k",
         .format = TA_FORMAT_PKCS8,
         .exists = true,
         .passphrase = {NULL, "newer"},
         .kind = ECDSA},
        {.name = "-p, RSA",
         .args = "-p -N% -P old -f k",
         .exists = true,
         .kind = RSA,
         .passphrase = {"old", NULL},
         .comment = {old_comment, old_comment}},
        {.name = "-c",
         .args = "-c -C another -f k",
         .exists = true,
         .writes_public = true,
         .comment = {old_comment, new_comment}},
        {.name = "-c, sealed",
         .args = "-c -a 1 -P old -C another -f k",
         .exists = true,
         .writes_public = true,
         .passphrase = {"old", "old"},
         .comment = {old_comment, new_comment}},
        {.name = "-c, by a link",
         .args = "-c -C another -f k",
         .exists = true,
         .by_link = true,
         .writes_public = true,
         .comment = {old_comment, new_comment}},
};

static char *folder;
static const Case *kase;
static TaKey *keys[N_KINDS];
/* Texts of k; `after` where the test itself writes it. A forked child does not have secret memory.
 */
static TaBytes before, after;
static int words = -1; /* what the victim said on standard error */
static int null = -1;
static Struck looked, struck;
static unsigned long n_killed, n_failed, n_signalled;

/* ---- the place --------------------------------------------------------------------------- */

static const TaKey *key_of_case(void) {
        return keys[kase->kind];
}

static TaBytes make_text(const char *passphrase, const char *comment) {
        TaKeyFileOptions options = {.format = kase->format, .rounds = 1};
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;

        g_assert_cmpint(ta_keyfile_write(key_of_case(), ta_str(comment ? comment : ""),
                                         ta_str(passphrase ? passphrase : ""), &options, &text),
                        ==, 0);
        return (TaBytes){g_memdup2(text->data, text->len), text->len};
}

static void drop_text(TaBytes *text) {
        g_free((void *)(uintptr_t)text->data);
        *text = (TaBytes){0};
}

static void put(const char *path, TaBytes bytes) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(write(fd, bytes.data, bytes.len), ==, bytes.len);
        close(fd);
}

static void public_line(const TaKey *key, const char *comment, char out[static 2048]) {
        TaWriter w = ta_writer(out, 2048);

        ta_publine_write(&w, key, ta_str(comment));
        ta_write_raw(&w, (TaBytes){(const uint8_t *)"\n", 2}); /* with its NUL */
        g_assert_cmpint(w.err, ==, 0);
}

static void set_up(void) {
        char line[2048];

        g_assert_cmpint(g_mkdir("folder", 0700), ==, 0);
        if (kase->by_link)
                g_assert_cmpint(symlink("folder/real", "k"), ==, 0);
        if (kase->exists)
                put(kase->by_link ? "folder/real" : "k", before);
        if (kase->exists && kase->writes_public) {
                public_line(key_of_case(), old_comment, line);
                put("k.pub", ta_str(line));
        }
        g_assert_cmpint(ftruncate(words, 0), ==, 0);
}

/* Calls `each` for every file there is, and `each` may remove it. */
static void each_file(void (*each)(const char *path, const char *name)) {
        static const char *const folders[] = {"folder", "."};

        for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
                GDir *dir = g_dir_open(folders[i], 0, NULL);

                g_assert_nonnull(dir);
                for (const char *name; (name = g_dir_read_name(dir));) {
                        g_autofree char *path = g_build_filename(folders[i], name, NULL);

                        if (!g_str_equal(name, "folder"))
                                each(path, name);
                }
                g_dir_close(dir);
        }
}

static void remove_one(const char *path, const char *name ta_unused) {
        g_assert_cmpint(unlink(path), ==, 0);
}

static void clear(void) {
        each_file(remove_one);
        g_assert_cmpint(rmdir("folder"), ==, 0);
}

/* ---- the victim --------------------------------------------------------------------------- */

static void victim(void *data ta_unused) {
        char *argv[24] = {(char *)(uintptr_t)g_getenv("TKEYGEN")}, *at, *arg;
        int n = 1;

        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(words, STDERR_FILENO);
        (void)umask(0);
        if (!kase->args) {
                if (ta_file_write("k", after, 0600, kase->replace) == 0)
                        _exit(0);
                n = (int)write(STDERR_FILENO, "failed\n", 7);
                _exit(1);
        }
        at = strdup(kase->args);
        while ((arg = strsep(&at, " ")) && n + 3 < (int)G_N_ELEMENTS(argv)) {
                argv[n++] = arg;
                if (strcmp(arg, "-N%") == 0) { /* an empty one */
                        argv[n - 1] = strdup("-N");
                        argv[n++] = strdup("");
                }
        }
        (void)execv(argv[0], argv);
        perror(argv[0]);
        _exit(127);
}

/* ---- judging ------------------------------------------------------------------------------ */

typedef enum State { NONE, OLD, NEW, TORN } State;

static bool is_plain(const TaKeyFile *file, const char *passphrase, const char *comment) {
        return file->encrypted == (passphrase != NULL) &&
               (!comment || ta_bytes_is(ta_secret_bytes(file->comment), comment));
}

/* What k is; the key that is in it is the caller's. */
static State private_state(TaKey **ret) {
        ta_cleanup(ta_secret_dropp) TaSecret *text = NULL;
        int err = ta_file_read("k", 1 << 20, &text, NULL);

        *ret = NULL;
        if (err == -ENOENT)
                return NONE;
        g_assert_cmpint(err, ==, 0);
        for (int i = 0; i < 2; i++) {
                ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;

                if (i == 0 && !kase->exists)
                        continue;
                if (ta_keyfile_parse(ta_secret_bytes(text), &file))
                        return TORN;
                ta_keyfile_unlock(&file, 1, ta_str(kase->passphrase[i] ? kase->passphrase[i] : ""),
                                  &err);
                if (err || !is_plain(file, kase->passphrase[i], kase->comment[i]))
                        continue;
                if (kase->exists && !ta_key_same_plain(file->key, key_of_case()))
                        return TORN;
                if (!kase->args && !ta_bytes_equal(ta_secret_bytes(text), i ? after : before))
                        continue;
                *ret = ta_steal(&file->key);
                return i ? NEW : OLD;
        }
        return TORN;
}

/* What k.pub is beside it. */
static State public_state(const TaKey *key) {
        g_autofree char *text = NULL;
        char line[2048];

        if (!g_file_get_contents("k.pub", &text, NULL, NULL))
                return NONE;
        if (!key)
                return TORN;
        public_line(key, new_comment, line);
        if (g_str_equal(text, line))
                return NEW;
        public_line(key, old_comment, line);
        return g_str_equal(text, line) && kase->exists ? OLD : TORN;
}

static bool left_over; /* a temporary file */

static void look_at(const char *path, const char *name) {
        g_autofree char *text = NULL;
        struct stat st;

        g_assert_cmpint(lstat(path, &st), ==, 0);
        if (S_ISLNK(st.st_mode))
                return;
        g_assert_cmpuint(st.st_mode & 07133, ==, 0); /* at the most rw-r--r-- */
        if (!g_str_equal(name, "k") && !g_str_equal(name, "k.pub") && !g_str_equal(name, "real")) {
                g_assert_true(g_str_has_prefix(name, ".tagent-") && g_str_has_suffix(name, ".tmp"));
                left_over = true;
        }
        if (!(st.st_mode & 077))
                return;
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_null(strstr(text, "PRIVATE"));
}

static bool said_why(void) {
        struct stat st;

        g_assert_cmpint(fstat(words, &st), ==, 0);
        return st.st_size > 1;
}

/* After any strike. `silent`: it cannot have said anything. */
static void judge(const char *what, bool silent) {
        ta_cleanup(ta_key_freep) TaKey *key = NULL;
        State private = private_state(&key),
              public = kase->writes_public ? public_state(key) : NONE;
        bool died = WIFSIGNALED(struck.status),
             succeeded = !died && WEXITSTATUS(struck.status) == 0;
        const char *wrong = NULL;

        left_over = false;
        each_file(look_at);
        if (private == TORN || public == TORN)
                wrong = "a torn file";
        else if (kase->exists && private == NONE)
                wrong = "the old file is gone";
        else if (kase->by_link && !g_file_test("k", G_FILE_TEST_IS_SYMLINK))
                wrong = "the link is gone";
        else if (public == NEW && private != NEW)
                wrong = "the public file is there before the private one";
        else if (succeeded && (private != NEW || (kase->writes_public && public != NEW)))
                wrong = "success, and the new file is not there";
        else if (!died && left_over)
                wrong = "a temporary file is left";
        else if (!died && !succeeded && !silent && !said_why())
                wrong = "it failed and did not say why";
        if (wrong)
                g_error("%s: %s: %s (status %#x, k %d, k.pub %d)", kase->name, what, wrong,
                        struck.status, private, public);
}

/* One strike, from set-up to judgement. */
static bool once(const Strike *plan, const char *what, bool silent) {
        int err;

        set_up();
        err = strike(victim, NULL, plan, &struck);
        g_assert_cmpint(err, ==, 0);
        judge(what, silent);
        clear();
        return struck.hit;
}

/* A program is mostly its loader and its libraries; what is called by itself costs little. */
static unsigned long stride(void) {
        return !kase->args || g_strcmp0(g_getenv("TA_LONG"), "1") == 0 ? 1 : STRIDE;
}

static unsigned long offset(void) {
        return (unsigned long)getpid() % stride();
}

static const char *described(const char *what, unsigned long at, const char *more) {
        static char words_of_it[128];
        unsigned long call = MIN(at, looked.n_calls - 1);

        g_snprintf(words_of_it, sizeof words_of_it, "%s %lu (call %lu) %s", what, at,
                   (unsigned long)looked.calls[call].number, more);
        return words_of_it;
}

/* ---- F28 ---------------------------------------------------------------------------------- */

static void kill_everywhere(void) {
        Strike plan = {.kind = STRIKE_KILL, .no_sync = true, .write_max = WRITE_MAX};

        for (plan.at = offset(); once(&plan, described("killed at stop", plan.at, ""), true);
             plan.at += stride())
                n_killed++;
}

/* ---- F27, F29 ----------------------------------------------------------------------------- */

/* What can fail on a disk, or where there is none any more; a loader without memory is not asked.
 */
static bool may_fail(uint64_t number) {
        static const uint64_t calls[] = {
                SYS_openat, SYS_read,   SYS_write,    SYS_close,     SYS_newfstatat, SYS_fsync,
                SYS_fchmod, SYS_rename, SYS_renameat, SYS_renameat2, SYS_getrandom,  SYS_readlink,
                SYS_mkdir,  SYS_lseek,  SYS_fstat,    SYS_lstat,     SYS_stat,
        };

        for (size_t i = 0; i < G_N_ELEMENTS(calls); i++)
                if (calls[i] == number)
                        return true;
        return false;
}

static bool is_words(unsigned long call) {
        return looked.calls[call].number == SYS_write && looked.calls[call].first == STDERR_FILENO;
}

static void fail_everywhere(void) {
        static const struct {
                int error;
                bool for_good;
        } ways[] = {{ENOSPC, true},  {EIO, false},  {EIO, true},
                    {EDQUOT, false}, {EROFS, true}, {EACCES, false}};
        unsigned long turn = offset();

        for (unsigned long call = 0; call < looked.n_calls; call++) {
                if (!may_fail(looked.calls[call].number) || is_words(call))
                        continue;
                for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
                        Strike plan = {.kind = STRIKE_FAIL,
                                       .at = call,
                                       .error = ways[i].error,
                                       .for_good = ways[i].for_good,
                                       .no_sync = true};

                        if (turn++ % stride() != 0)
                                continue;
                        n_failed += once(&plan,
                                         described("failed at call", call, g_strerror(plan.error)),
                                         false);
                }
        }
}

/* Ours begin again what a signal has interrupted; a loader need not. */
static void interrupt_everywhere(void) {
        static const uint64_t calls[] = {SYS_write, SYS_fsync, SYS_close, SYS_read, SYS_getrandom};
        unsigned long turn = offset();

        for (unsigned long call = 0; call < looked.n_calls; call++) {
                Strike plan = {.kind = STRIKE_FAIL, .at = call, .error = EINTR, .no_sync = true};
                bool may = false;

                for (size_t i = 0; i < G_N_ELEMENTS(calls); i++)
                        may |= looked.calls[call].number == calls[i];
                if (!may || is_words(call) || turn++ % stride() != 0)
                        continue;
                n_failed += once(&plan, described("interrupted at call", call, ""), false);
                if (!kase->args && struck.status != looked.status)
                        g_error("%s: another end where call %lu was interrupted", kase->name, call);
        }
        for (unsigned long at = offset(); at < 2 * looked.n_calls; at += stride()) {
                Strike plan = {.kind = STRIKE_SIGNAL, .at = at, .error = SIGWINCH, .no_sync = true};

                n_signalled += once(&plan, described("a signal at stop", at, ""), false);
                if (struck.status != looked.status)
                        g_error("%s: another end for a signal that is ignored", kase->name);
        }
}

/* ---- the order of things ------------------------------------------------------------------ */

/* Data reaches the disk before its name does, and the name before success is told. */
static void assert_synced(void) {
        enum { CLEAN, WRITTEN, SYNCED, NAMED } state = CLEAN;
        unsigned n_named = 0;

        for (unsigned long i = 0; i < looked.n_calls; i++) {
                switch (looked.calls[i].number) {
                case SYS_write:
                        if (looked.calls[i].first > STDERR_FILENO)
                                state = WRITTEN;
                        break;
                case SYS_fsync:
                        g_assert_true(state == WRITTEN || state == NAMED);
                        state = state == WRITTEN ? SYNCED : CLEAN;
                        break;
                case SYS_rename:
                case SYS_renameat:
                case SYS_renameat2:
                        g_assert_cmpint(state, ==, SYNCED);
                        state = NAMED;
                        n_named++;
                        break;
                }
        }
        g_assert_cmpint(state, ==, CLEAN);
        g_assert_cmpuint(n_named, ==, 1 + kase->writes_public);
}

static void test_case(const void *data) {
        bool refuses;

        kase = data;
        refuses = !kase->args && kase->exists && !kase->replace;
        if (kase->exists)
                before = make_text(kase->passphrase[0], kase->comment[0]);
        if (!kase->args)
                after = make_text(kase->passphrase[1], new_comment);
        set_up();
        if (strike(victim, NULL, &(Strike){.kind = STRIKE_NOTHING}, &looked) < 0) {
                clear();
                g_test_skip("processes cannot be traced here");
                return;
        }
        struck = looked;
        judge("untroubled", false);
        clear();
        g_assert_cmpint(looked.status, ==, refuses ? 0x100 : 0);
        g_assert_cmpuint(looked.n_calls, <=, STRIKE_CALLS_MAX);
        if (!refuses)
                assert_synced();
        kill_everywhere();
        fail_everywhere();
        interrupt_everywhere();
        drop_text(&before);
        drop_text(&after);
}

int main(int argc, char **argv) {
        const char *build = g_getenv("TA_BUILDDIR");
        g_autofree char *tkeygen = g_build_filename(build ? build : ".", "tkeygen", NULL);
        int status;

        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(sodium_init(), >=, 0);
        folder = g_dir_make_tmp("ta-strike-XXXXXX", NULL);
        g_assert_nonnull(folder);
        words = memfd_create("words", MFD_CLOEXEC);
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        g_assert_true(words >= 0 && null >= 0);
        g_assert_true(g_setenv("TKEYGEN", tkeygen, false));
        g_assert_true(g_setenv("HOME", folder, true));
        g_assert_true(g_setenv("LC_ALL", "C.UTF-8", true));
        /* Leaks cannot be looked for in what is traced already. */
        g_assert_true(g_setenv("ASAN_OPTIONS", "detect_leaks=0", true));
        g_assert_cmpint(chdir(folder), ==, 0);
        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &keys[ED25519]), ==, 0);
        g_assert_cmpint(ta_key_generate(&ta_key_ecdsa_p256, 0, &keys[ECDSA]), ==, 0);
        g_assert_cmpint(ta_key_generate(&ta_key_rsa, 2048, &keys[RSA]), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strdup_printf("/strike/%s", cases[i].name);

                g_test_add_data_func(path, &cases[i], test_case);
        }
        status = g_test_run();
        g_print("# killed at %lu points, failed at %lu, signalled at %lu; no file was torn\n",
                n_killed, n_failed, n_signalled);
        for (size_t i = 0; i < N_KINDS; i++)
                ta_key_free(keys[i]);
        g_assert_cmpint(chdir("/"), ==, 0);
        (void)g_rmdir(folder);
        g_free(folder);
        return status;
}
