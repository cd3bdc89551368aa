#define _GNU_SOURCE
#include "relay/edge/clock.h"

#include <time.h>

struct now clock_now(uv_loop_t *loop)
{
    struct timespec utc;
    clock_gettime(CLOCK_REALTIME, &utc);
    return (struct now){
        .mono_ms = uv_now(loop),
        .utc_ms = (uint64_t)utc.tv_sec * 1000 + (uint64_t)utc.tv_nsec / 1000000,
    };
}
