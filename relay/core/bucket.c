#include "relay/core/bucket.h"

enum { PARTS = 1000 }; /* a token: so a rate for each second is one in parts for each millisecond */

void bucket_init(struct bucket *b)
{
    b->at_ms = 0;
    b->parts = UINT64_MAX;
}

static uint64_t most(struct rate rate)
{
    return (uint64_t)rate.burst * PARTS;
}

static uint64_t parts_at(const struct bucket *b, struct rate rate, uint64_t now_ms)
{
    uint64_t passed = now_ms > b->at_ms ? now_ms - b->at_ms : 0;
    if (b->parts >= most(rate) || passed >= (most(rate) - b->parts) / rate.a_second + 1)
        return most(rate);
    uint64_t parts = b->parts + passed * rate.a_second;
    return parts < most(rate) ? parts : most(rate);
}

bool bucket_take(struct bucket *b, struct rate rate, uint64_t now_ms)
{
    uint64_t parts = parts_at(b, rate, now_ms);
    b->at_ms = now_ms;
    b->parts = parts >= PARTS ? parts - PARTS : parts;
    return parts >= PARTS;
}

bool bucket_has(const struct bucket *b, struct rate rate, uint64_t now_ms)
{
    return parts_at(b, rate, now_ms) >= PARTS;
}

uint64_t bucket_when(const struct bucket *b, struct rate rate, uint64_t now_ms)
{
    uint64_t parts = parts_at(b, rate, now_ms);
    if (parts >= PARTS)
        return now_ms;
    return now_ms + (PARTS - parts + rate.a_second - 1) / rate.a_second;
}

bool bucket_full(const struct bucket *b, struct rate rate, uint64_t now_ms)
{
    return parts_at(b, rate, now_ms) == most(rate);
}
