/* SPDX-License-Identifier: ISC */
#include "agent/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

static int on_stderr = 1;
static int with_debug;

void log_open(int to_stderr, int debug) {
        on_stderr = to_stderr;
        with_debug = debug;
        if (!to_stderr)
                openlog("tagent", LOG_PID, LOG_AUTH);
}

int log_wants(LogLevel level) {
        return level < LOG_LEVEL_DEBUG || with_debug;
}

void log_line(LogLevel level, const char *format, ...) {
        static const int priorities[] = {LOG_ERR, LOG_INFO, LOG_DEBUG};
        int saved = errno;
        char line[1024];
        va_list args;
        int n;

        if (!log_wants(level))
                return;
        va_start(args, format);
        n = vsnprintf(line, sizeof line, format, args);
        va_end(args);
        if (n < 0)
                return;
        if (on_stderr)
                dprintf(STDERR_FILENO, "tagent: %s\n", line);
        else
                syslog(priorities[level], "%s", line);
        errno = saved;
}
