/* What the load generator counts with: latencies, its own CPU, and the server's memory and CPU as /proc tells them. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- latencies: a histogram whose steps are at most 3.2 % wide --- */

enum { LATENCY_STEPS = 64, LATENCY_DOUBLINGS = 36 };

struct latency {
    uint64_t count;
    uint64_t max_ns;
    uint64_t buckets[LATENCY_DOUBLINGS * LATENCY_STEPS];
};

void latency_add(struct latency *l, uint64_t ns);
/* The value that `share` (0 to 1) of the values do not exceed, in ms; 0 if there are none. */
double latency_ms(const struct latency *l, double share);

/* --- this process --- */

/* User and system time, in seconds. */
double own_cpu_s(void);

/* --- the server --- */

/* As /proc/PID says, with the CPU of children that ended; all 0 if there is no such process. */
struct server {
    double cpu_s;
    uint64_t rss_kib;
    uint64_t private_dirty_kib;
};

struct server server_look(int pid);

/* --- a run --- */

/* A moment of it. */
struct mark {
    uint64_t at_ns;
    uint64_t confirmed, delivered;
    double own_cpu_s;
    struct server server;
    uint64_t bytes_in, bytes_out;
};

/* For who waits for it. */
void say_now(const char *line);

double between_s(const struct mark *a, const struct mark *b);

/* name=value lines on stdout. "saturated" says that the figure is the load generator's and not the server's. */
void say_cpu(const char *what, const struct mark *a, const struct mark *b, uint64_t messages, bool watched);
void say_latency(const char *what, const struct latency *d);
/* Memory for each message that was stored in between. */
void say_kept(const struct mark *a, const struct mark *b, uint64_t messages);
void say_idle(const struct mark *at_rest, const struct mark *held, uint32_t connections, bool watched);

#endif
