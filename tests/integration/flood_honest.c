/*
 * People who mean it, as a process of their own: a worker with a desk, at which strangers knock as well, and
 * one person after the other who knocks as the library does, with its puzzle and its patience. Each has a
 * client and connections of her own.
 *
 * Says "desk" and its put when the desk is there; begins at the first byte of its input, and when that ends
 * says who got through, and how long it took until the relay had the knock. What the worker's client makes of
 * knocks of strangers is nothing: they do not open.
 */
#define _GNU_SOURCE

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <zaguan/client.h>
#include <zaguan/uv.h>

#include "client/core/client.h"
#include "client/core/desk.h"
#include "tests/integration/flood_side.h"

enum { WORDS_MAX = 64, CARD_MAX = 1024 };

struct person {
    zg_client *client;
    zg_uv *driver;
    zg_id conversation;
    uint64_t since_ns, asked_ns, took_ns; /* asked: for a solution. took: 0, the relay does not have it */
};

static struct {
    uv_loop_t loop;
    uv_pipe_t input;
    uv_timer_t next;
    struct person worker, person[HONEST_MAX];
    const char *address, *voucher;
    char card[CARD_MAX];
    uint32_t count, come, through, arrived;
    uint8_t effort_max;
    char byte[64];
} h;

static _Noreturn void give_up(const char *what, zg_err err)
{
    printf("honest: FAULT: %s: %s\n", what, zg_err_name(err));
    fflush(stdout);
    _exit(1);
}

static void kick(struct person *p);

/* --- the worker --- */

static void make_desk(void)
{
    zg_organisation *organisation = NULL;
    zg_now now = zg_uv_now(h.worker.driver);
    const zg_desk_options options = {
        .size = sizeof(options), .relay = h.address, .voucher = h.voucher, .alias = "Ana"};
    zg_err err = zg_organisation_new(&organisation, now);
    if (err == ZG_OK)
        err = zg_client_desk_create(h.worker.client, organisation, &options, now);
    zg_organisation_free(organisation);
    if (err != ZG_OK)
        give_up("no desk", err);
}

static void desk_ready(void)
{
    char put[2 * WIRE_SECRET_BYTES + 1];
    zg_err err = zg_client_card(h.worker.client, "zaguan:", h.card, sizeof(h.card));
    if (err != ZG_OK)
        give_up("no card", err);
    /* Who reads the card learns it: strangers need not ask for it again and again. */
    sodium_bin2hex(put, sizeof(put), h.worker.client->desk->keys->queue.put.b, WIRE_SECRET_BYTES);
    printf("desk %s\n", put);
    fflush(stdout);
}

static void worker_heard(const zg_event *e)
{
    if (e->kind == ZG_EVENT_READY)
        make_desk();
    else if (e->kind == ZG_EVENT_DESK_READY)
        desk_ready();
    else if (e->kind == ZG_EVENT_KNOCK)
        h.arrived++;
}

/* --- who knocks --- */

static void knock(struct person *p)
{
    char words[WORDS_MAX];
    int len = snprintf(words, sizeof(words), "number %u", (unsigned)(p - h.person));
    zg_err err = zg_client_knock(p->client, h.card, strlen(h.card), words, (size_t)len, NULL,
                                 &p->conversation, zg_uv_now(p->driver));
    if (err != ZG_OK)
        give_up("no knock", err);
}

static void got_through(struct person *p)
{
    p->took_ns = uv_hrtime() - p->since_ns;
    if (++h.through < h.count)
        return;
    printf("all are through\n");
    fflush(stdout);
}

static void was_asked(struct person *p, const zg_event *e)
{
    if (p->asked_ns == 0)
        p->asked_ns = uv_hrtime() - p->since_ns;
    if (e->value > h.effort_max)
        h.effort_max = (uint8_t)e->value;
}

static void person_heard(struct person *p, const zg_event *e)
{
    if (e->kind == ZG_EVENT_READY)
        knock(p);
    else if (e->kind == ZG_EVENT_KNOCK_SENT)
        got_through(p);
    else if (e->kind == ZG_EVENT_KNOCK_FAILED)
        give_up("a knock failed", e->err);
    else if (e->kind == ZG_EVENT_PUZZLE)
        was_asked(p, e);
}

/* --- all --- */

static void wake(void *ctx)
{
    struct person *p = ctx;
    zg_event e;
    bool any = false;
    for (; zg_client_event(p->client, &e); any = true)
        if (p == &h.worker)
            worker_heard(&e);
        else
            person_heard(p, &e);
    if (any)
        kick(p);
}

static void kick(struct person *p)
{
    zg_uv_kick(p->driver);
    wake(p);
}

static void person_come(struct person *p)
{
    const zg_client_options options = {.size = sizeof(options)};
    const zg_uv_options driver = {.size = sizeof(driver), .wake = wake, .ctx = p};
    p->since_ns = uv_hrtime();
    zg_err err = zg_client_new(&p->client, &options, zg_uv_now(NULL));
    if (err == ZG_OK)
        err = zg_uv_open(&p->driver, &h.loop, p->client, &driver);
    if (err != ZG_OK)
        give_up("a client cannot start", err);
    kick(p);
}

static void on_next(uv_timer_t *timer)
{
    if (h.come < h.count)
        person_come(&h.person[h.come++]);
    else
        uv_timer_stop(timer);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Of those who came so far. */
static void say_times(const char *what, const uint64_t *ns, uint32_t count)
{
    if (count > 0)
        printf("; %s half of them after %.1f s, nine of ten after %.1f s, all after %.1f s", what,
               (double)ns[count / 2] / 1e9, (double)ns[count * 9 / 10] / 1e9, (double)ns[count - 1] / 1e9);
}

static _Noreturn void report(void)
{
    uint64_t asked[HONEST_MAX], took[HONEST_MAX];
    uint32_t asked_count = 0, took_count = 0;
    for (uint32_t i = 0; i < h.come; i++) {
        if (h.person[i].asked_ns != 0)
            asked[asked_count++] = h.person[i].asked_ns;
        if (h.person[i].took_ns != 0)
            took[took_count++] = h.person[i].took_ns;
    }
    qsort(asked, asked_count, sizeof(asked[0]), by_size);
    qsort(took, took_count, sizeof(took[0]), by_size);
    printf("honest: %u of %u knocks got through, the worker has %u", h.through, h.come, h.arrived);
    say_times("the puzzle came to", asked, asked_count);
    say_times("got through", took, took_count);
    printf("; effort at most %u\n", h.effort_max);
    fflush(stdout);
    _exit(0);
}

static void lend(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle, (void)suggested;
    *buf = uv_buf_init(h.byte, sizeof(h.byte));
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)stream, (void)buf;
    if (n < 0)
        report();
    uv_timer_start(&h.next, on_next, 0, HONEST_EVERY_MS);
}

/* honest ADDRESS VOUCHER COUNT RANK; rank 0: none */
int honest_main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    h.address = argv[1];
    h.voucher = argv[2];
    h.count = (uint32_t)atoi(argv[3]);
    if (h.count > HONEST_MAX)
        return 2;
    if (atoi(argv[4]) > 0)
        cores_come_first(atoi(argv[4]));
    uv_loop_init(&h.loop);
    uv_timer_init(&h.loop, &h.next);
    uv_pipe_init(&h.loop, &h.input, 0);
    uv_pipe_open(&h.input, STDIN_FILENO);
    uv_read_start((uv_stream_t *)&h.input, lend, on_input);
    person_come(&h.worker);
    return uv_run(&h.loop, UV_RUN_DEFAULT);
}
