/*
 * What arrives at a listener for browsers. The first byte says whether a WebSocket is open already, the
 * second in pieces of which size the rest comes. A WebSocket must give its session the same bytes, and end in
 * the same way, however it comes; streams and sessions are played here.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "relay/edge/web.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPENING \
    "GET /zaguan HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

struct stream {
    const struct stream_handler *handler;
    void *user;
    bool clogged, waits; /* takes nothing; keeps something */
};

struct session {
    struct carrier carrier;
};

static struct {
    struct session session;
    bool open;
    uint64_t sum, received; /* of the session's bytes */
    uint64_t closes;        /* codes that were written */
} world;

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* --- the stream's part --- */

static bool take(struct stream *s, struct span head, struct span body)
{
    must(s->user != NULL && head.len > 0);
    must(head.at[0] == 'H' || ((head.at[0] & 0xf0) == 0x80 && head.len >= 2 && head.at[1] < 128));
    if (head.at[0] == 0x88 && body.len == 2)
        world.closes = world.closes * 65536 + body.at[0] * 256u + body.at[1];
    s->waits = s->waits || s->clogged;
    return !s->waits;
}

bool stream_write(struct stream *s, struct span head, struct span body)
{
    return take(s, head.len > 0 ? head : body, body);
}

bool stream_write_lasting(struct stream *s, struct span head, struct span body)
{
    return take(s, head, body);
}

/* feed asks by itself whether it is paused. */
void stream_resume(struct stream *s)
{
    (void)s;
}

bool stream_waits(const struct stream *s)
{
    return s->waits;
}

void stream_end(struct stream *s)
{
    must(s->user != NULL);
    s->user = NULL;
}

void stream_drop(struct stream *s)
{
    stream_end(s);
}

void stream_hand_over(struct stream *s, const struct stream_handler *handler, void *user)
{
    s->handler = handler;
    s->user = user;
}

/* --- the core's part --- */

bool relay_make_room(struct relay *r, struct now now)
{
    (void)r;
    (void)now;
    return false;
}

struct session *session_open(struct relay *r, const struct carrier *carrier, struct now now)
{
    (void)r;
    (void)now;
    must(!world.open);
    world.open = true;
    world.session.carrier = *carrier;
    return &world.session;
}

bool session_receive(struct session *s, const uint8_t *data, size_t len, struct now now)
{
    (void)now;
    must(world.open && s == &world.session && len > 0);
    for (size_t i = 0; i < len; i++)
        world.sum = world.sum * 1099511628211u + data[i] + 1;
    world.received += len;
    return true;
}

bool session_paused(const struct session *s)
{
    (void)s;
    must(world.open);
    return false;
}

void session_writable(struct session *s)
{
    (void)s;
    must(world.open);
}

void session_close(struct session *s)
{
    (void)s;
    must(world.open);
    world.open = false;
}

/* --- one connection --- */

static struct web *web;
static uv_loop_t loop;

static void set_up(void)
{
    static struct site *site;
    char folder[] = "/tmp/zaguan-fuzz-XXXXXX", path[64], why[300];
    if (web != NULL)
        return;
    must(uv_loop_init(&loop) == 0 && mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/index.html", folder);
    FILE *f = fopen(path, "w");
    must(f != NULL && fputs("<p>", f) >= 0 && fclose(f) == 0);
    must(site_open(&site, folder, why, sizeof(why)) == ZG_OK);
    unlink(path);
    rmdir(folder);
    const struct web_options options = {.loop = &loop, .site = site, .connect = ""};
    must(web_open(&web, &options) == ZG_OK);
}

static void feed(struct stream *s, const uint8_t *data, size_t size, size_t piece)
{
    const struct now now = {1000, 1700000000000};
    while (size > 0 && s->user != NULL) {
        size_t n = size < piece ? size : piece;
        uint8_t *copy = malloc(n); /* so that reading beyond it shows */
        must(copy != NULL);
        memcpy(copy, data, n);
        s->handler->receive(s->user, copy, n, now);
        free(copy);
        /* A request may have to wait for the next millisecond. */
        while (s->user != NULL && !s->waits && s->handler->paused(s->user))
            uv_run(&loop, UV_RUN_NOWAIT);
        data += n;
        size -= n;
        if (s->user != NULL && s->waits) {
            s->waits = false;
            s->handler->writable(s->user);
        }
    }
}

/* Whether it was still there at the end. */
static bool run(const uint8_t *data, size_t size, bool open, size_t piece, bool clogged)
{
    struct stream s = {.handler = &web_handler, .clogged = clogged};
    memset(&world, 0, sizeof(world));
    s.user = web_handler.open(web, &s, (struct now){1000, 1700000000000});
    must(s.user != NULL);
    if (open)
        feed(&s, (const uint8_t *)OPENING, sizeof(OPENING) - 1, sizeof(OPENING));
    must(!open || world.open);
    feed(&s, data, size, piece);
    bool there = s.user != NULL;
    if (there)
        s.handler->lost(s.user);
    must(!world.open && world.received <= size);
    return there;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > STREAM_READ_MAX)
        return 0;
    set_up();
    bool open = data[0] & 1, clogged = data[0] & 2;
    size_t piece = data[1] > 0 ? data[1] : STREAM_READ_MAX;
    bool there = run(data + 2, size - 2, open, piece, clogged);
    if (!open)
        return 0;
    uint64_t sum = world.sum, closes = world.closes;
    must(run(data + 2, size - 2, true, STREAM_READ_MAX, false) == there);
    must(world.sum == sum && world.closes == closes);
    return 0;
}
