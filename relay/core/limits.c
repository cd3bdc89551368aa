#include "relay/core/limits.h"

#include "proto/wire.h"

/*
 * 2^12 tries of some 4 ms are the 20 seconds that a cheap phone may be asked for at most. 6 is what costs a
 * person nothing that can be felt, but a program that knocks all day its processor.
 */
enum { EFFORT_LOWEST = 6, EFFORT_HIGHEST = 12 };

_Static_assert((int)EFFORT_HIGHEST <= (int)WIRE_EFFORT_MAX, "section 9");

struct limits limits_default(void)
{
    return (struct limits){
        .connections = 60000,
        .connections_of_address = 256,
        .connects_of_address_a_second = 10,
        .subscriptions_of_one = 1024,
        .unanswered_of_one = 512,
        .commands_a_turn = 16,
        .commands_a_second = 2000,
        .hellos_a_turn = 1,
        .hellos_a_second = 1000,
        .strangers_a_turn = 4,
        .strangers_a_second = 1000,
        .readings_of_one = 4,
        .stall_seconds = 60,
        .sends_of_queue_a_day = 4096,
        .waiting_of_desk = 2048,
        .draws_of_desk_a_day = 1024,
        .voucher_days = 30,
        .memory_bytes = UINT64_C(64) << 20,
        .input_bytes = UINT64_C(64) << 20,
        .waiting_bytes = UINT64_C(64) << 20,
        .calm_knocks_a_minute = 10,
        .puzzles_a_second = 100,
        .spent_cookies = 65536,
        .acknowledged = 65536,
        .idle_queues = 1024,
        .counted_queues = 1048576,
        .purge_rows = 6,
        .changes_a_commit = 500,
        .writes_of_slot_a_day = 16384,
        .slots = 16384,
        .knocks_of_desk_a_minute = 60,
        .stored_bytes = UINT64_C(4) << 30,
    };
}

/* From LOWEST when the value reaches the calm mark, one more each time it doubles. */
static uint32_t rising(uint32_t value, uint32_t calm)
{
    uint32_t effort = EFFORT_LOWEST;
    if (value < calm || calm == 0)
        return value < calm ? 0 : EFFORT_HIGHEST;
    for (; value / 2 >= calm && effort < EFFORT_HIGHEST; value /= 2)
        effort++;
    return effort;
}

/* From LOWEST at a quarter to HIGHEST when full. */
static uint32_t filling(uint32_t waiting, uint32_t room)
{
    uint64_t quarters = (uint64_t)waiting * 4;
    if (waiting >= room)
        return EFFORT_HIGHEST;
    if (quarters < room)
        return 0;
    return EFFORT_LOWEST +
           (uint32_t)((quarters - room) * (EFFORT_HIGHEST - EFFORT_LOWEST) / ((uint64_t)room * 3));
}

uint8_t limits_effort(const struct limits *l, uint32_t waiting, uint32_t knocks)
{
    uint32_t by_rate = rising(knocks, l->calm_knocks_a_minute);
    uint32_t by_room = filling(waiting, l->waiting_of_desk);
    return (uint8_t)(by_rate > by_room ? by_rate : by_room);
}
