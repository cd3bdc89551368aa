/* The end: every question has its answer, everybody gets what is owed, and then nothing is left. */
#include <string.h>

#include "tests/fuzz/sequence/world.h"

enum { ROUNDS_MAX = 100, WINDOW = 16 };

/* Everybody listens, and what was begun is said. */
static void every_question_has_its_answer(struct world *w)
{
    w->hold = false;
    memset(w->store.fail, 0, sizeof(w->store.fail));
    for (size_t i = 0; i < PEOPLE; i++) {
        struct person *p = &w->people[i];
        if (p->peer.relay == NULL)
            continue;
        if (p->peer.full)
            peer_drain(&p->peer);
        person_seal(p);
        person_give(w, p, p->wire_len);
    }
    world_pass(w, 20 * SECOND_MS);
    for (size_t i = 0; i < PEOPLE; i++)
        must(w->people[i].asked_count == 0);
}

static bool read_once(struct world *w, struct person *reader)
{
    bool any = false;

    for (size_t i = 0; i < SUBS_MAX; i++) {
        if (reader->subs[i].live && reader->subs[i].held > 0) {
            say_ack(w, reader, &reader->subs[i], HELD_MAX);
            any = true;
        }
    }
    person_seal(reader);
    person_give(w, reader, reader->wire_len);
    world_pass(w, 4 * SETTLE_MS);
    return any;
}

static void read_everything(struct world *w)
{
    struct person *reader = &w->people[0];

    for (size_t i = 0; i < PEOPLE; i++)
        person_leave(w, &w->people[i]);
    world_pass(w, 10 * SECOND_MS);
    person_connect(w, reader, false);
    for (uint8_t dress = 0; dress < DRESSES; dress++)
        for (uint8_t thing = 0; thing < THINGS; thing++)
            say_subscribe(w, reader, thing, dress, WINDOW);
    person_seal(reader);
    person_give(w, reader, reader->wire_len);
    world_pass(w, 4 * SECOND_MS);
    int rounds = 0;
    while (read_once(w, reader))
        must(++rounds < ROUNDS_MAX);
    must(reader->asked_count == 0);
}

static uint64_t rows(struct world *w)
{
    struct store_job job = {.kind = JOB_COUNTS};
    w->engine->execute(w->engine, &job);
    must(job.result == ZG_OK);
    return job.u.counts.messages;
}

void end_check(struct world *w)
{
    bool owed[NOTES_MAX];

    every_question_has_its_answer(w);
    for (size_t i = 0; i < w->note_count; i++) {
        owed[i] = w->notes[i].owed;
        w->notes[i].seen = false;
    }
    read_everything(w);
    for (size_t i = 0; i < w->note_count; i++)
        must(!owed[i] || w->notes[i].seen || world_hour(w) >= w->notes[i].until);
    world_pass(w, 10 * SECOND_MS);
    counts_check(w);
    must(rows(w) == 0);
    must(w->relay->stats.bytes_in_flight == 0);
    for (size_t i = 0; i < PEOPLE; i++)
        person_leave(w, &w->people[i]);
    must(w->relay->sessions.input_bytes == 0 && w->relay->sessions.stranger_bytes == 0 &&
         w->relay->stats.connections == 0);
    relay_drain(w->relay, w->now);
    world_turn(w);
    must(relay_drained(w->relay));
}
