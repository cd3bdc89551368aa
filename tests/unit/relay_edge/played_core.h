/*
 * A core that is played, for tests of carriers: its sessions count what they get, and do what its first byte
 * says.
 *
 * 'b': writes CORE_BIG bytes in pieces; 'e': the same and ends; 'h': writes them in one piece and ends, with
 * most of them not taken; 'x': ends at once; 'p': pauses; anything else is only counted.
 */
#ifndef TESTS_PLAYED_CORE_H
#define TESTS_PLAYED_CORE_H

#include "relay/core/relay.h"

enum { CORE_BIG = 8 << 20, CORE_PIECE = 60000 };

struct session {
    struct carrier carrier;
    size_t received;
    uint32_t sum;
    size_t to_write, written; /* of CORE_BIG answers */
    bool waiting;             /* the carrier said false */
    bool end_when_written;
    bool paused;
};

struct played_core {
    struct session *session; /* the newest */
    size_t opened, closed, ended;
    bool refuse;
    bool make_room; /* the newest ends for one more */
};

extern struct played_core core;

/*
 * Programs that use it are linked with --wrap for uv_now and uv_timer_start. Loops say that so many
 * milliseconds more have passed than did, or always the same; timers that are started while `hurry` stands
 * ring each millisecond.
 */
struct played_time {
    uint64_t ahead_ms;
    uint64_t stands_at; /* if not 0 */
    bool hurry;
};

extern struct played_time played_time;

/* What stands at place i of all that a session writes. */
uint8_t core_byte(size_t i);
/* false: it ended. */
bool core_write_on(struct session *s);
void core_resume(struct session *s);

#endif
