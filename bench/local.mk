# bench/: run by hand, never by `make check`.
noinst_PROGRAMS += bench/agentbench
bench_agentbench_SOURCES = \
	bench/agentbench.c \
	bench/cases.c bench/cases.h \
	bench/clients.c bench/clients.h \
	bench/keys.c bench/keys.h \
	bench/measure.c bench/measure.h \
	bench/nullagent.c bench/nullagent.h
bench_agentbench_LDADD = $(LIBTA)


EXTRA_DIST += bench/compare bench/compare-keyfile

noinst_PROGRAMS += bench/keyfile-bench
bench_keyfile_bench_SOURCES = bench/keyfile-bench.c
bench_keyfile_bench_LDADD = $(LIBTA)
