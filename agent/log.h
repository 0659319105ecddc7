/* SPDX-License-Identifier: ISC */
/*
 * The daemon's one sink: standard error in the foreground, syslog else. A line names the operation,
 * the reason and a fingerprint; never bytes from a buffer, and comments only through ta_display().
 */
#ifndef TA_AGENT_LOG_H
#define TA_AGENT_LOG_H

typedef enum LogLevel { LOG_LEVEL_ERROR, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG } LogLevel;

/* `to_stderr`: also what is below INFO when `debug`. */
void log_open(int to_stderr, int debug);
void log_line(LogLevel level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether a line of this level would be kept: before work that only serves a line. */
int log_wants(LogLevel level);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
        do {                                                                                       \
                if (log_wants(LOG_LEVEL_DEBUG))                                                    \
                        log_line(LOG_LEVEL_DEBUG, __VA_ARGS__);                                    \
        } while (0)

#endif
