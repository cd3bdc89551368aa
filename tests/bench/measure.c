#define _GNU_SOURCE
#include "tests/bench/measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Below LATENCY_STEPS a bucket is one nanosecond wide; each doubling after that has half as many steps as it has room. */
static size_t bucket_of(uint64_t ns)
{
    unsigned shift = 0;
    while ((ns >> shift) >= LATENCY_STEPS)
        shift++;
    size_t bucket = (size_t)shift * LATENCY_STEPS + (size_t)(ns >> shift);
    size_t last = (size_t)LATENCY_DOUBLINGS * LATENCY_STEPS - 1;
    return bucket < last ? bucket : last;
}

void latency_add(struct latency *l, uint64_t ns)
{
    l->count++;
    if (ns > l->max_ns)
        l->max_ns = ns;
    l->buckets[bucket_of(ns)]++;
}

double latency_ms(const struct latency *l, double share)
{
    uint64_t wanted = (uint64_t)((double)l->count * share);
    uint64_t seen = 0;
    for (size_t i = 0; i < (size_t)LATENCY_DOUBLINGS * LATENCY_STEPS; i++) {
        seen += l->buckets[i];
        if (seen > wanted || (seen == l->count && seen > 0))
            return (double)((uint64_t)(i % LATENCY_STEPS) << (i / LATENCY_STEPS)) / 1e6;
    }
    return 0;
}

static double seconds(const struct timeval *t)
{
    return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

double own_cpu_s(void)
{
    struct rusage r;
    if (getrusage(RUSAGE_SELF, &r) != 0)
        return 0;
    return seconds(&r.ru_utime) + seconds(&r.ru_stime);
}

static double cpu_of(int pid)
{
    char path[64], line[1024];
    uint64_t user = 0, system = 0, child_user = 0, child_system = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0;
    size_t n = fread(line, 1, sizeof(line) - 1, f);
    fclose(f);
    line[n] = '\0';
    /* The name, in parentheses, may hold anything; fields 14 to 17 are counted from behind it. */
    const char *at = strrchr(line, ')');
    if (at == NULL || sscanf(at + 1,
                             " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
                             &user, &system, &child_user, &child_system) != 4)
        return 0;
    return (double)(user + system + child_user + child_system) / (double)sysconf(_SC_CLK_TCK);
}

struct server server_look(int pid)
{
    struct server s = {0, 0, 0};
    char path[64], line[256];
    if (pid <= 0)
        return s;
    s.cpu_s = cpu_of(pid);
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return s;
    while (fgets(line, sizeof(line), f) != NULL) {
        (void)sscanf(line, "Rss: %" SCNu64, &s.rss_kib);
        (void)sscanf(line, "Private_Dirty: %" SCNu64, &s.private_dirty_kib);
    }
    fclose(f);
    return s;
}

void say_now(const char *line)
{
    fputs(line, stdout);
    fflush(stdout);
}

double between_s(const struct mark *a, const struct mark *b)
{
    return (double)(b->at_ns - a->at_ns) / 1e9;
}

void say_cpu(const char *what, const struct mark *a, const struct mark *b, uint64_t messages, bool watched)
{
    double wall = between_s(a, b);
    double own = (b->own_cpu_s - a->own_cpu_s) / wall;
    double server = (b->server.cpu_s - a->server.cpu_s) / wall;
    printf("%s_load_cpu=%.2f\n%s_saturated=%d\n", what, own, what, own > 0.95);
    if (watched && messages > 0)
        printf("%s_server_cpu=%.2f\n%s_server_us=%.2f\n", what, server, what, server * wall * 1e6 / (double)messages);
}

void say_latency(const char *what, const struct latency *d)
{
    printf("%s_p50_ms=%.3f\n%s_p99_ms=%.3f\n%s_max_ms=%.3f\n", what, latency_ms(d, 0.5), what, latency_ms(d, 0.99), what,
           (double)d->max_ns / 1e6);
}

void say_kept(const struct mark *a, const struct mark *b, uint64_t messages)
{
    double kib = (double)b->server.private_dirty_kib - (double)a->server.private_dirty_kib;
    if (messages > 0)
        printf("private_dirty_bytes_per_message=%.0f\n", kib * 1024 / (double)messages);
}

void say_idle(const struct mark *at_rest, const struct mark *held, uint32_t connections, bool watched)
{
    printf("connections=%" PRIu32 "\n", connections);
    printf("connect_s=%.3f\n", between_s(at_rest, held));
    if (!watched)
        return;
    double kib = (double)held->server.private_dirty_kib - (double)at_rest->server.private_dirty_kib;
    printf("rest_rss_kib=%" PRIu64 "\nrest_private_dirty_kib=%" PRIu64 "\n", at_rest->server.rss_kib,
           at_rest->server.private_dirty_kib);
    printf("idle_private_dirty_kib=%" PRIu64 "\n", held->server.private_dirty_kib);
    printf("private_dirty_bytes_per_connection=%.0f\n", kib * 1024 / connections);
    printf("handshake_server_us=%.0f\n", (held->server.cpu_s - at_rest->server.cpu_s) * 1e6 / connections);
}
