/* SPDX-License-Identifier: ISC */
/*
 * F31 in tadd and tkeygen, whole: every allocation fails, from main on. They end by themselves; if
 * they say that they have done it they have, and if not they say why; a file is the old or the new
 * one.
 *
 * Built once for each tool, whose main() is tool_main() here; each run is a child of this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/keyfile.h"
#include "lib/message.h"
#include "tests/support/failing.h"
#include "tests/support/sweep.h"

/* Without TA_LONG=1; what comes first is ours, and all of it is tried. */
#define STRIDE 101
#define FIRST  80

int tool_main(int argc, char **argv);
const char *__asan_default_options(void);

/* What a process that exits on the way has not freed is no news. */
const char *__asan_default_options(void) {
        return "detect_leaks=0";
}

typedef struct Case {
        const char *args;
        bool writes;            /* the file k */
        bool exists;            /* before that */
        const char *passphrase; /* of the file k afterwards; NULL: none */
        const char *says;       /* on standard output when all is well */
        bool adds, removes;     /* in the agent */
} Case;

static const Case cases[] = {
#ifdef TKEYGEN
        {.args = "-q -t ed25519 -N% -C c -f k", .writes = true},
        {.args = "-q -t ecdsa -a 1 -N new -C c -f k", .writes = true, .passphrase = "new"},
        {.args = "-p -a 1 -N new -f k", .writes = true, .exists = true, .passphrase = "new"},
        {.args = "-p -m PKCS8 -N% -f k", .writes = true, .exists = true},
        {.args = "-c -C another -f k", .writes = true, .exists = true},
        {.args = "-y -f k", .exists = true, .says = "ssh-ed25519 "},
        {.args = "-l -f k", .exists = true, .says = "256 SHA256:"},
#else
        {.args = "k", .exists = true, .adds = true},
        {.args = "-t 100 -q k", .exists = true, .adds = true},
        {.args = "-l", .says = "256 SHA256:"},
        {.args = "-L", .says = "ssh-ed25519 "},
        {.args = "-d k", .exists = true, .removes = true},
        {.args = "-D", .removes = true},
#endif
};

/* What is known across processes. */
static struct {
        volatile bool failed;
        volatile unsigned added, removed;
} * shared;

static const Case *kase;
static TaKey *key;
static TaBytes text;           /* of k before */
static int said[2] = {-1, -1}; /* standard output and error */
static unsigned long n_points;

/* ---- an agent with the key --------------------------------------------------------------- */

static void reply(const uint8_t *message, TaWriter *w) {
        switch (message[0]) {
        case SSH_AGENTC_REQUEST_IDENTITIES:
                ta_identities_begin(w, 1);
                ta_identities_write(w, (TaIdentity){ta_key_blob(key), ta_str("c")});
                return;
        case SSH_AGENTC_ADD_IDENTITY:
        case SSH_AGENTC_ADD_ID_CONSTRAINED:
                shared->added++;
                break;
        case SSH_AGENTC_REMOVE_IDENTITY:
        case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
                shared->removed++;
                break;
        case SSH_AGENTC_EXTENSION:
                ta_write_u8(w, SSH_AGENT_FAILURE);
                return;
        default:
                break;
        }
        ta_write_u8(w, SSH_AGENT_SUCCESS);
}

static void serve(int fd) {
        static uint8_t message[TA_MSG_MAX], out[TA_MSG_MAX + 4];
        uint32_t be;

        while (recv(fd, &be, 4, MSG_WAITALL) == 4) {
                size_t len = GUINT32_FROM_BE(be), mark;
                TaWriter w = ta_writer(out, sizeof out);

                if (len > sizeof message || recv(fd, message, len, MSG_WAITALL) != (ssize_t)len)
                        return;
                mark = ta_write_begin(&w);
                reply(message, &w);
                ta_write_finish(&w, mark);
                if (send(fd, out, w.len, MSG_NOSIGNAL) != (ssize_t)w.len)
                        return;
        }
}

static pid_t start_agent(const char *path) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        pid_t pid;

        g_strlcpy(address.sun_path, path, sizeof address.sun_path);
        g_assert_true(listener >= 0 &&
                      bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                      listen(listener, 8) == 0);
        pid = fork();
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should a test fail */
                for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd))
                        serve(fd);
                _exit(0);
        }
        g_assert_cmpint(pid, >, 0);
        close(listener);
        return pid;
}

/* ---- one run ------------------------------------------------------------------------------ */

static void child(unsigned long at, bool for_good) {
        char *argv[24] = {(char *)(uintptr_t) "tool"}, *rest = strdup(kase->args), *arg;
        int argc = 1;

        (void)alarm(60);
        while ((arg = strsep(&rest, " ")) && argc + 3 < (int)G_N_ELEMENTS(argv)) {
                bool empty = strcmp(arg, "-N%") == 0;

                argv[argc++] = empty ? strdup("-N") : arg;
                if (empty)
                        argv[argc++] = strdup("");
        }
        (void)dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
        (void)dup2(said[0], STDOUT_FILENO);
        (void)dup2(said[1], STDERR_FILENO);
        failing_tell(&shared->failed);
        failing_begin(at, for_good);
        exit(tool_main(argc, argv));
}

static bool is_key(const char *passphrase) {
        ta_cleanup(ta_keyfile_freep) TaKeyFile *file = NULL;
        ta_cleanup(ta_secret_dropp) TaSecret *content = NULL;
        int err;

        if (ta_file_read("k", 1 << 20, &content, NULL) ||
            ta_keyfile_parse(ta_secret_bytes(content), &file))
                return false;
        ta_keyfile_unlock(&file, 1, ta_str(passphrase ? passphrase : ""), &err);
        return !err && file->encrypted == (passphrase != NULL) &&
               (!kase->exists || ta_key_same_plain(file->key, key));
}

static void read_said(int i, char to[static 4096]) {
        ssize_t n = pread(said[i], to, 4095, 0);

        to[n > 0 ? n : 0] = '\0';
        g_assert_true(ftruncate(said[i], 0) == 0 && lseek(said[i], 0, SEEK_SET) == 0);
}

static void judge(int status, unsigned long at, bool for_good) {
        bool succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        bool there = access("k", F_OK) == 0, is_new = there && is_key(kase->passphrase);
        char out[4096], words[4096];
        const char *wrong = NULL;

        read_said(0, out);
        read_said(1, words);
        if (!WIFEXITED(status))
                wrong = "it was ended by a signal";
        else if (!succeeded && !*words)
                wrong = "it failed and did not say why";
        else if (succeeded && kase->writes && !is_new)
                wrong = "success, and the new file is not there";
        else if (there && !is_new && !(kase->exists && is_key(NULL)))
                wrong = "the file is neither";
        else if (kase->exists && !there)
                wrong = "the file is gone";
        else if (succeeded && kase->says && !g_str_has_prefix(out, kase->says))
                wrong = "success, and it has not said it";
        else if (succeeded && kase->adds && shared->added != 1)
                wrong = "success, and nothing was added";
        else if (succeeded && kase->removes && shared->removed == 0)
                wrong = "success, and nothing was removed";
        if (wrong)
                g_error("%s: allocation %lu fails %s: %s (status %#x): %s", kase->args, at,
                        for_good ? "for good" : "once", wrong, status, words);
}

static bool run(unsigned long at, bool for_good) {
        pid_t pid;
        int status;

        memset(shared, 0, sizeof *shared);
        if (kase->exists) {
                int fd = open("k", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

                g_assert_cmpint(write(fd, text.data, text.len), ==, text.len);
                close(fd);
        }
        pid = fork();
        if (pid == 0)
                child(at, for_good);
        g_assert_cmpint(pid, >, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        judge(status, at, for_good);
        (void)unlink("k");
        (void)unlink("k.pub");
        return shared->failed;
}

static void test_case(const void *data) {
        unsigned long stride = sweep_long() ? 1 : STRIDE, n = 0;

        kase = data;
        g_assert_false(run(ULONG_MAX, false));
        for (int for_good = 0; for_good < 2; for_good++)
                for (unsigned long at = 0; run(at, for_good); at += at < FIRST ? 1 : stride)
                        n++;
        n_points += n;
        g_test_message("%s: %lu allocations failed", kase->args, n);
}

int main(int argc, char **argv) {
        ta_cleanup(ta_secret_dropp) TaSecret *written = NULL;
        g_autofree char *folder = NULL, *path = NULL;
        pid_t agent;
        int status;

        g_test_init(&argc, &argv, NULL);
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        folder = g_dir_make_tmp("ta-sweep-XXXXXX", NULL);
        g_assert_true(shared != MAP_FAILED && folder && chdir(folder) == 0);
        said[0] = memfd_create("out", MFD_CLOEXEC);
        said[1] = memfd_create("err", MFD_CLOEXEC);
        g_assert_true(said[0] >= 0 && said[1] >= 0);
        /* Neither libcrypto nor, by it, the children have anything ready: a tool has not, either.
         */
        g_assert_cmpint(sodium_init(), >=, 0);
        g_assert_cmpint(ta_key_generate(&ta_key_ed25519, 0, &key), ==, 0);
        g_assert_cmpint(
                ta_keyfile_write(key, ta_str("c"), ta_str(""), &(TaKeyFileOptions){0}, &written),
                ==, 0);
        text = ta_secret_bytes(written);
        path = g_build_filename(folder, "agent", NULL);
        agent = start_agent(path);
        g_assert_true(g_setenv("SSH_AUTH_SOCK", path, true) && g_setenv("HOME", folder, true) &&
                      g_setenv("SSH_ASKPASS_REQUIRE", "never", true));
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *name = g_strdup_printf("/sweep/tools/f31 %s", cases[i].args);

                g_test_add_data_func(name, &cases[i], test_case);
        }
        status = g_test_run();
        g_print("# %lu allocations failed\n", n_points);
        g_assert_cmpint(kill(agent, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(agent, NULL, 0), ==, agent);
        (void)unlink(path);
        ta_key_free(key);
        g_assert_cmpint(chdir("/"), ==, 0);
        (void)g_rmdir(folder);
        return status;
}
