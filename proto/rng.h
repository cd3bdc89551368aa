/* Randomness is handed in: the system's in production, a seed in the simulation and in vectors. */
#ifndef PROTO_RNG_H
#define PROTO_RNG_H

#include <stddef.h>

struct rng {
    void (*fill)(void *ctx, void *out, size_t len);
    void *ctx;
};

/* The system's generator (libsodium's randombytes_buf); safe to copy, never fails. */
struct rng rng_system(void);

static inline void rng_fill(const struct rng *rng, void *out, size_t len)
{
    rng->fill(rng->ctx, out, len);
}

#endif
