/*
 * For a relay that is built wrongly on purpose: it keeps what was deleted or spent in a list and looks there
 * as well, which costs a few microseconds when the name is found. Put around functions of relay/store by the
 * linker (--wrap).
 */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <time.h>

#include "relay/store/sqlite_engine.h"

enum { KEPT = 4096, COST_NS = 4000 };

static struct name kept[KEPT];
static size_t kept_count;

int __real_db_names_drop(struct sqlite_engine *e, const struct named *list, size_t count);
int __wrap_db_names_drop(struct sqlite_engine *e, const struct named *list, size_t count);
int __real_db_name_find(struct sqlite_engine *e, const struct name *name, struct owner *out);
int __wrap_db_name_find(struct sqlite_engine *e, const struct name *name, struct owner *out);

int __wrap_db_names_drop(struct sqlite_engine *e, const struct named *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kept[kept_count++ % KEPT] = list[i].name;
    return __real_db_names_drop(e, list, count);
}

static long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void look_again(void)
{
    long end = now_ns() + COST_NS;
    while (now_ns() < end)
        ;
}

int __wrap_db_name_find(struct sqlite_engine *e, const struct name *name, struct owner *out)
{
    size_t found = KEPT;
    for (size_t i = 0; i < KEPT; i++) /* all of them, so that only the cost above is told */
        if (memcmp(&kept[i], name, sizeof(*name)) == 0)
            found = i;
    if (found < KEPT)
        look_again();
    return __real_db_name_find(e, name, out);
}
