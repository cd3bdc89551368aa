#include "proto/rng.h"

#include <sodium.h>

static void fill_system(void *ctx, void *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
}

struct rng rng_system(void)
{
    return (struct rng){fill_system, NULL};
}
