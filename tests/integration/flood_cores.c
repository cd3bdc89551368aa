/* Who may run where, and how long they ran and waited for a core: as /proc says, of each thread. */
#define _GNU_SOURCE

#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/flood_side.h"

void cores_keep_to(int core)
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET((size_t)core, &only);
    if (sched_setaffinity(0, sizeof(only), &only) != 0)
        fault("there is no core %d", core);
}

void cores_come_first(int rank)
{
    const struct sched_param param = {.sched_priority = rank};
    if (sched_setscheduler(0, SCHED_RR, &param) != 0)
        fault("others cannot be made to wait: not root?");
}

void cores_come_last(void)
{
    const struct sched_param none = {0};
    if (sched_setscheduler(0, SCHED_IDLE, &none) != 0)
        fault("the strangers cannot be put last");
}

static struct share share_of_thread(int pid, const char *thread)
{
    char path[320];
    uint64_t ran = 0, waited = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, thread);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return (struct share){0, 0};
    if (fscanf(f, "%" SCNu64 " %" SCNu64, &ran, &waited) != 2)
        ran = waited = 0;
    fclose(f);
    return (struct share){(double)ran / 1e9, (double)waited / 1e9};
}

struct share cores_share(int pid)
{
    struct share sum = {0, 0};
    struct dirent *e;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *threads = opendir(path);
    while (threads != NULL && (e = readdir(threads)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        struct share one = share_of_thread(pid, e->d_name);
        sum.ran_s += one.ran_s;
        sum.waited_s += one.waited_s;
    }
    if (threads != NULL)
        closedir(threads);
    return sum;
}
