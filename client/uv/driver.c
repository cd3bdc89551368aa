#define _GNU_SOURCE

/*
 * The driver of zaguan/uv.h.
 *
 * Happy path: the program acts on the client and kicks; the client's I/O is done and the timer set to its deadline. What
 * happens in the loop (a link opened, received, ended; the timer) goes to the client, then its I/O is done, then
 * wake tells the program. Failures are the links': each ends as zg_client_link_closed. Closing: no callback reaches client or
 * program any more but closed, when the last handle left the loop.
 */
#include <zaguan/uv.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "client/uv/link.h"

/* The loop's timers stand still while the device sleeps: what fell due meanwhile is done so soon after it wakes. */
enum { TIMER_MAX_MS = 60 * 1000 };

struct zg_uv {
    uv_loop_t *loop;
    zg_client *client;
    void (*wake)(void *ctx);
    void *ctx;
    bool through_proxy;
    struct endpoint proxy;
    uv_timer_t timer;
    bool timer_gone;
    struct link *links;
    bool closing;
    void (*closed)(void *ctx);
    uint8_t buffer[LINK_BUFFER_BYTES];
};

static uint64_t read_clock_ms(clockid_t clock)
{
    struct timespec t = {0, 0};
    clock_gettime(clock, &t);
    return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

zg_now zg_uv_now(const zg_uv *d)
{
    (void)d;
    /* Where there is one, a clock that goes on while the device sleeps: lifetimes do. */
#ifdef CLOCK_BOOTTIME
    return (zg_now){.mono_ms = read_clock_ms(CLOCK_BOOTTIME), .utc_ms = read_clock_ms(CLOCK_REALTIME)};
#else
    return (zg_now){.mono_ms = uv_hrtime() / 1000000, .utc_ms = read_clock_ms(CLOCK_REALTIME)};
#endif
}

/* --- what the client wants --- */

static void on_timer(uv_timer_t *t);

static void set_timer(zg_uv *d)
{
    uint64_t at = zg_client_deadline(d->client);
    if (at == UINT64_MAX) {
        uv_timer_stop(&d->timer);
        return;
    }
    uint64_t now = zg_uv_now(d).mono_ms;
    uint64_t delay = at > now ? at - now : 0;
    uv_update_time(d->loop); /* timers count from the loop's time, which may be old */
    uv_timer_start(&d->timer, on_timer, delay < TIMER_MAX_MS ? delay : TIMER_MAX_MS, 0);
}

static struct link *find(const zg_uv *d, uint32_t id)
{
    struct link *l = d->links;
    while (l != NULL && l->id != id)
        l = l->next;
    return l;
}

static const struct link_events link_events;

static void start_link(zg_uv *d, const zg_io *io)
{
    struct link *l = link_open(&(struct link_options){
        .loop = d->loop,
        .events = &link_events,
        .ctx = d,
        .id = io->link,
        .host = io->host,
        .port = io->port,
        .proxy = d->through_proxy ? &d->proxy : NULL,
        .buffer = d->buffer,
    });
    if (l == NULL) {
        zg_client_link_closed(d->client, io->link, zg_uv_now(d));
        return;
    }
    l->next = d->links;
    d->links = l;
}

static void do_io(zg_uv *d)
{
    zg_io io;
    while (zg_client_io(d->client, &io)) {
        struct link *l = io.kind == ZG_IO_CONNECT ? NULL : find(d, io.link);
        if (io.kind == ZG_IO_CONNECT)
            start_link(d, &io);
        else if (l != NULL && io.kind == ZG_IO_SEND)
            link_write(l, io.data, io.len);
        else if (l != NULL && io.kind == ZG_IO_CLOSE)
            link_close(l);
    }
    set_timer(d);
}

/* After each thing that came from the loop. wake may act on the client, or close the driver. */
static void turn(zg_uv *d)
{
    do_io(d);
    if (d->wake == NULL)
        return;
    d->wake(d->ctx);
    if (!d->closing)
        do_io(d);
}

static void on_timer(uv_timer_t *t)
{
    zg_uv *d = t->data;
    zg_client_advance(d->client, zg_uv_now(d));
    turn(d);
}

/* --- what the links say --- */

static void on_opened(struct link *l)
{
    zg_uv *d = l->ctx;
    zg_client_link_opened(d->client, l->id, zg_uv_now(d));
    turn(d);
}

static void on_received(struct link *l, const uint8_t *data, size_t len)
{
    zg_uv *d = l->ctx;
    zg_client_link_received(d->client, l->id, data, len, zg_uv_now(d));
    turn(d);
}

static void on_ended(struct link *l)
{
    zg_uv *d = l->ctx;
    zg_client_link_closed(d->client, l->id, zg_uv_now(d));
    turn(d);
}

static void finish_if_empty(zg_uv *d)
{
    if (!d->timer_gone || d->links != NULL)
        return;
    void (*closed)(void *ctx) = d->closed;
    void *ctx = d->ctx;
    free(d);
    if (closed != NULL)
        closed(ctx);
}

static void on_gone(struct link *l)
{
    zg_uv *d = l->ctx;
    struct link **at = &d->links;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    finish_if_empty(d);
}

static const struct link_events link_events = {
    .opened = on_opened,
    .received = on_received,
    .ended = on_ended,
    .gone = on_gone,
};

/* --- opening and closing --- */

/* "host:port", "[v6]:port". */
static bool parse_endpoint(struct endpoint *out, const char *text)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon[1] < '0' || colon[1] > '9')
        return false;
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    } else if (memchr(text, ':', len) != NULL) {
        return false;
    }
    if (*end != '\0' || port < 1 || port > 65535 || len == 0 || len >= sizeof(out->host))
        return false;
    memcpy(out->host, text, len);
    out->host[len] = '\0';
    out->port = (uint16_t)port;
    return true;
}

zg_err zg_uv_open(zg_uv **out, uv_loop_t *loop, zg_client *client, const zg_uv_options *options)
{
    if (options != NULL && options->size != sizeof(*options))
        return ZG_ERR_ARGUMENT;
    zg_uv *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return ZG_ERR_MEMORY;
    if (options != NULL) {
        d->wake = options->wake;
        d->ctx = options->ctx;
        d->through_proxy = options->socks5 != NULL;
    }
    if (d->through_proxy && !parse_endpoint(&d->proxy, options->socks5)) {
        free(d);
        return ZG_ERR_ARGUMENT;
    }
    d->loop = loop;
    d->client = client;
    uv_timer_init(loop, &d->timer);
    d->timer.data = d;
    *out = d;
    do_io(d);
    return ZG_OK;
}

void zg_uv_kick(zg_uv *d)
{
    if (!d->closing)
        do_io(d);
}

static void on_timer_closed(uv_handle_t *h)
{
    zg_uv *d = h->data;
    d->timer_gone = true;
    finish_if_empty(d);
}

void zg_uv_close(zg_uv *d, void (*closed)(void *ctx))
{
    if (d->closing)
        return;
    do_io(d); /* what the client still has to say, such as the last acknowledgement */
    d->closing = true;
    d->closed = closed;
    for (struct link *l = d->links; l != NULL; l = l->next)
        link_close(l);
    uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}
