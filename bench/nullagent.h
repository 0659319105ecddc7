/* SPDX-License-Identifier: ISC */
#ifndef TA_BENCH_NULLAGENT_H
#define TA_BENCH_NULLAGENT_H

/* Serves the socket and never returns, except with -errno when it cannot begin. */
int null_agent_run(const char *socket);

#endif
