/* SPDX-License-Identifier: ISC */
#include "agent/prompter.h"

#include <errno.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/launcher.h"
#include "agent/log.h"

#define QUESTIONS_MAX 100

struct Question {
        Prompter *prompter;
        Question *next;
        uint32_t id;
        bool shown;
        char *text;
        void (*answered)(void *, Answer); /* NULL: taken back, but its dialog has not ended yet */
        void *data;
};

struct Prompter {
        Watch watch; /* the launcher's socket */
        Loop *loop;
        uint32_t next_id;
        Question *first, **last; /* the first one is shown */
        unsigned n;
        bool launcher_ended;
};

static void show_first(Prompter *prompter);

static void question_end(Prompter *prompter, Answer answer) {
        Question *q = prompter->first;

        prompter->first = q->next;
        if (!prompter->first)
                prompter->last = &prompter->first;
        prompter->n--;
        if (q->answered)
                q->answered(q->data, answer);
        free(q->text);
        free(q);
        show_first(prompter);
}

static void show_first(Prompter *prompter) {
        Question *q = prompter->first;
        uint8_t buf[LAUNCH_MAX];
        TaWriter w;

        if (!q || q->shown)
                return;
        q->shown = true;
        w = ta_writer(buf, sizeof buf);
        ta_write_u8(&w, LAUNCH_ASK);
        ta_write_u32(&w, q->id);
        ta_write_cstring(&w, q->text);
        if (w.err || launcher_send(prompter->watch.fd, ta_written(&w), NULL, 0) < 0)
                question_end(prompter, ANSWER_NO);
}

/* As ssh-askpass programs say yes: exit status 0, and nothing or "yes" on standard output. */
static Answer judge_output(uint32_t status, TaBytes output) {
        if (status == LAUNCH_FAILED || (WIFEXITED((int)status) && WEXITSTATUS((int)status) == 127))
                log_info("the askpass program could not be started");
        while (output.len > 0 && (output.data[output.len - 1] == '\n' || output.data[output.len - 1] == '\r'))
                output.len--;
        if (status == LAUNCH_FAILED || !WIFEXITED((int)status) || WEXITSTATUS((int)status) != 0)
                return ANSWER_NO;
        if (output.len == 0 || (output.len == 3 && strncasecmp((const char *)output.data, "yes", 3) == 0))
                return ANSWER_YES;
        return ANSWER_NO;
}

static void launcher_ready(Watch *watch, uint32_t events ta_unused) {
        Prompter *prompter = (Prompter *)watch;
        uint8_t buf[LAUNCH_MAX];

        show_first(prompter);
        for (;;) {
                ssize_t n = recv(watch->fd, buf, sizeof buf, MSG_DONTWAIT);
                LaunchEnded ended;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n <= 0) {
                        log_error("the launcher has ended; nothing can be confirmed any more, and no "
                                  "keeper that ends replaced: restart the agent");
                        prompter->launcher_ended = true;
                        loop_remove(prompter->loop, watch);
                        while (prompter->first)
                                question_end(prompter, ANSWER_NO);
                        return;
                }
                if (launch_ended_read((TaBytes){buf, (size_t)n}, &ended))
                        continue;
                if (prompter->first && prompter->first->id == ended.id)
                        question_end(prompter, judge_output(ended.status, ended.output));
        }
}

int prompter_new(Loop *loop, int launcher, Prompter **ret) {
        Prompter *prompter = calloc(1, sizeof *prompter);
        int err;

        if (!prompter)
                return -ENOMEM;
        prompter->loop = loop;
        prompter->watch = (Watch){.fd = launcher, .ready = launcher_ready};
        prompter->last = &prompter->first;
        err = loop_add(loop, &prompter->watch, EPOLLIN);
        if (err) {
                free(prompter);
                return err;
        }
        *ret = prompter;
        return 0;
}

void prompter_free(Prompter *prompter) {
        if (!prompter)
                return;
        loop_remove(prompter->loop, &prompter->watch);
        while (prompter->first) {
                Question *q = prompter->first;

                prompter->first = q->next;
                free(q->text);
                free(q);
        }
        free(prompter);
}

bool prompter_can_ask(const Prompter *prompter) {
        return !prompter->launcher_ended;
}

/* OpenSSH's rule: a dialog needs a display, unless SSH_ASKPASS_REQUIRE=force says otherwise. */
static bool may_show_dialogs(void) {
        const char *require = getenv("SSH_ASKPASS_REQUIRE");
        const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

        if (require && strcmp(require, "never") == 0)
                return false;
        if (require && strcmp(require, "force") == 0)
                return true;
        return (x && *x) || (wayland && *wayland);
}

Question *prompter_ask(Prompter *prompter, const char *text, void (*answered)(void *, Answer),
                       void *data) {
        Question *q;

        if (prompter->launcher_ended) {
                log_info("cannot ask for confirmation: the launcher has ended");
                return NULL;
        }
        if (!may_show_dialogs()) {
                log_info("cannot ask for confirmation: no DISPLAY or WAYLAND_DISPLAY in the "
                         "agent's environment (SSH_ASKPASS_REQUIRE=force does without)");
                return NULL;
        }
        if (prompter->n >= QUESTIONS_MAX)
                return NULL;
        q = calloc(1, sizeof *q);
        if (!q)
                return NULL;
        q->prompter = prompter;
        q->id = prompter->next_id++ & 0x7fffffff;
        q->text = strdup(text);
        q->answered = answered;
        q->data = data;
        if (!q->text) {
                free(q);
                return NULL;
        }
        *prompter->last = q;
        prompter->last = &q->next;
        prompter->n++;
        /* Not from here: an answer must never come before the asker knows the question. */
        loop_again(prompter->loop, &prompter->watch);
        return q;
}

/* Out of the line, so that others do not find it full of questions that nobody asks any more. */
static void leave_the_line(Question *question) {
        Prompter *prompter = question->prompter;
        Question **at = &prompter->first;

        while (*at != question)
                at = &(*at)->next;
        *at = question->next;
        if (!*at)
                prompter->last = at;
        prompter->n--;
        free(question->text);
        free(question);
}

void prompter_cancel(Question *question) {
        uint8_t buf[8];
        TaWriter w = ta_writer(buf, sizeof buf);

        if (!question)
                return;
        if (!question->shown) {
                leave_the_line(question);
                return;
        }
        question->answered = NULL;
        ta_write_u8(&w, LAUNCH_END);
        ta_write_u32(&w, question->id);
        if (launcher_send(question->prompter->watch.fd, ta_written(&w), NULL, 0) < 0)
                log_debug("cannot withdraw a question");
}
