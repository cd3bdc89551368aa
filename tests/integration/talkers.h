/*
 * Two people who talk through a relay that is killed again and again: tests/integration/talkers.c tells them when, this is
 * what each of them does and checks.
 */
#ifndef TESTS_TALKERS_H
#define TESTS_TALKERS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <zaguan/client.h>
#include <zaguan/uv.h>

enum { TALK_TEXT_MAX = 4096 };
#define TALK_KNOCK "knock"

struct talker;

/* One direction: what one side sends and the other gets. Messages are numbered from 1. */
struct direction {
    uint32_t sent;     /* handed to the library */
    uint32_t received; /* shown by the other side's library, all in order */
    uint32_t kept;     /* ZG_EVENT_SENT */
    uint8_t *is_kept;  /* for each number */
};

struct talker {
    const char *name;
    char letter;
    zg_client *client;
    zg_uv *driver;
    uv_loop_t *loop;
    struct talker *other;
    struct direction says;
    zg_id conversation;
    bool ready, desk_ready, knocked, open; /* knocked: a knock came in, or was sent */
    bool connected;
    bool away;         /* without a network */
    uint32_t answers;  /* so many of the next messages are answered by one */
    uint32_t limit;    /* never more messages than this */
    uint32_t connects, disconnects, retries;
};

/* Takes the vault. messages: the most it will ever send. */
void talker_open(struct talker *t, uv_loop_t *loop, zg_vault *vault, struct talker *other, uint32_t messages);
/* From the loop's callbacks; the loop must run on for its handles to leave. */
void talker_close(struct talker *t);

/* The next `count` messages, as far as the limit allows. */
void talker_say(struct talker *t, uint32_t count);
void talker_go_away(struct talker *t, bool away);
/* After anything was done to its client outside of its own callbacks. */
void talker_kick(struct talker *t);

/* Says what is wrong and ends the test. */
__attribute__((format(printf, 1, 2))) _Noreturn void fault(const char *format, ...);

#endif
