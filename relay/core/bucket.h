/* A bucket that fills with so many tokens a second, and holds no more than a burst. Empty: somebody waits. */
#ifndef RELAY_CORE_BUCKET_H
#define RELAY_CORE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    uint64_t at_ms; /* mono_ms at which it was looked at last */
    uint64_t parts; /* of tokens, a thousand to each */
};

struct rate {
    uint32_t a_second; /* 1 or more */
    uint32_t burst;    /* 1 or more */
};

/* Full. */
void bucket_init(struct bucket *b);
/* Takes one; false: there is none. */
bool bucket_take(struct bucket *b, struct rate rate, uint64_t now_ms);
/* Whether there is one. */
bool bucket_has(const struct bucket *b, struct rate rate, uint64_t now_ms);
/* mono_ms at which there is one. */
uint64_t bucket_when(const struct bucket *b, struct rate rate, uint64_t now_ms);
bool bucket_full(const struct bucket *b, struct rate rate, uint64_t now_ms);

#endif
