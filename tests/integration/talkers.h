/*
 * A worker and a participant who talk through a real relay and check every message: a test tells them when to
 * speak, talkers_side.c is what each of them does, talkers_pair.c how they meet.
 */
#ifndef TESTS_TALKERS_H
#define TESTS_TALKERS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <zaguan/client.h>
#include <zaguan/uv.h>

#include "tests/integration/relay_process.h"

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
    bool away;        /* without a network */
    uint32_t answers; /* so many of the next messages are answered by one */
    uint32_t limit;   /* never more messages than this */
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

/* --- both of them --- */

enum meeting { MEET_START, MEET_DESK, MEET_KNOCK, MEET_ANSWER, MEET_TALK };

struct pair {
    struct relay_process *relay;
    struct talker worker, participant;
    enum meeting meeting;
};

/* Both begin. worker_vault (NULL: in memory) is taken. messages: of both sides together. */
void pair_open(struct pair *p, uv_loop_t *loop, struct relay_process *relay, zg_vault *worker_vault,
               uint32_t messages);
/* Desk, knock, first answer: takes the step that is due. Again and again from a timer, until it says
 * MEET_TALK. */
enum meeting pair_meet(struct pair *p);
/* One line about each side. */
void pair_print(const struct pair *p);
void pair_close(struct pair *p);

/* --- what is wrong --- */

/* Before anything can be: what fault prints (may be NULL) and tears down. */
void fault_prepare(struct relay_process *relay, void (*report)(void));
/* Says what is wrong, prints the report and the relay's last words, ends the program with 1. */
__attribute__((format(printf, 1, 2))) _Noreturn void fault(const char *format, ...);

uint64_t now_ms(void);

#endif
