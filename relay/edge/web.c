#define _GNU_SOURCE
#include "relay/edge/web.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/list.h"
#include "relay/edge/clock.h"
#include "relay/edge/request.h"
#include "relay/edge/websocket.h"

enum {
    SWEEP_MS = 1000,
    REQUESTS_A_MS = 8, /* then others have their turn first: thousands of visits may ask at once */
    COMMON_MAX = 4096,
    ANSWER_HEAD_MAX = COMMON_MAX + 512,
};

struct web {
    uv_loop_t *loop;
    const struct site *site;
    struct websocket_options sockets;
    struct link asking, answering; /* the oldest first */
    struct link visits;            /* all of both, those that came first in front */
    struct link waiting;           /* with a whole request, for their turn */
    uint64_t carried_at;           /* mono_ms in which `carried` were carried out */
    uint32_t carried;
    uv_timer_t sweep;
    uv_idle_t turn; /* runs while somebody waits */
    uint32_t handles;
    char common[COMMON_MAX]; /* fields that stand in every answer */
};

/* A connection that is no WebSocket yet. */
struct visit {
    struct link timed; /* in one of web's lists */
    struct link all;
    struct link turn; /* in web's list of those that wait */
    struct web *web;
    struct stream *stream;
    uint64_t since; /* mono_ms */
    uint64_t came;
    uint8_t *head; /* of a request that is not whole yet; NULL: none */
    size_t head_len;
    size_t whole; /* of it, if it waits */
    bool more;    /* came behind it */
    bool answering;
    bool last; /* no other request follows */
};

struct answer {
    const char *status;
    const char *fields; /* further ones, with their ends of line */
    const char *type, *encoding;
    struct span body; /* stays until every stream is gone */
};

#define TEXT(text) \
    { \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
#define PLAIN(line, text) \
    { \
        .status = (line), .fields = "", .type = "text/plain; charset=utf-8", .body = TEXT(text) \
    }

static const struct answer not_found = PLAIN("404 Not Found", "Not found\n");
static const struct answer bad_request = PLAIN("400 Bad Request", "Not understood\n");
static const struct answer too_large = PLAIN("431 Request Header Fields Too Large", "Too large\n");
static const struct answer unavailable = PLAIN("503 Service Unavailable", "Try again later\n");
static const struct answer not_allowed = {
    .status = "405 Method Not Allowed",
    .fields = "Allow: GET, HEAD\r\n",
    .type = "text/plain; charset=utf-8",
    .body = TEXT("Not allowed\n"),
};

/* --- the life of a visit --- */

static void free_visit(struct visit *v)
{
    list_remove(&v->timed);
    list_remove(&v->all);
    list_remove(&v->turn);
    free(v->head);
    free(v);
}

static void drop_visit(struct visit *v)
{
    struct stream *stream = v->stream;
    free_visit(v);
    stream_drop(stream);
}

static void on_sweep(uv_timer_t *timer);

/* Its time begins. */
static void enter(struct visit *v, struct link *list)
{
    struct web *web = v->web;
    v->since = uv_now(web->loop);
    list_remove(&v->timed);
    list_append(list, &v->timed);
    if (!uv_is_active((uv_handle_t *)&web->sweep))
        uv_timer_start(&web->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static void sweep(struct link *list, uint64_t now, unsigned seconds)
{
    while (!list_empty(list)) {
        struct visit *v = LIST_ITEM(list->next, struct visit, timed);
        if (now - v->since < seconds * UINT64_C(1000))
            return;
        drop_visit(v);
    }
}

static void on_sweep(uv_timer_t *timer)
{
    struct web *web = timer->data;
    uint64_t now = uv_now(web->loop);
    sweep(&web->asking, now, WEB_REQUEST_SECONDS);
    sweep(&web->answering, now, WEB_ANSWER_SECONDS);
    if (list_empty(&web->asking) && list_empty(&web->answering))
        uv_timer_stop(timer);
}

/* --- answers --- */

/* The answer is out: on with the next request, or the end. */
static void answered(struct visit *v)
{
    struct stream *stream = v->stream;
    v->answering = false;
    if (!v->last) {
        enter(v, &v->web->asking);
        stream_resume(stream);
        return;
    }
    free_visit(v);
    stream_end(stream);
}

static void answer(struct visit *v, const struct answer *a, bool head_only)
{
    char head[ANSWER_HEAD_MAX];
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s%s%s%s%s\r\n",
                       a->status, a->type, a->body.len, a->encoding != NULL ? "Content-Encoding: " : "",
                       a->encoding != NULL ? a->encoding : "", a->encoding != NULL ? "\r\n" : "", a->fields,
                       v->last ? "Connection: close\r\n" : "", v->web->common);
    assert(len > 0 && (size_t)len < sizeof(head));
    struct span whole = {(const uint8_t *)head, (size_t)len};
    struct span body = head_only ? (struct span){0} : a->body;
    v->answering = true;
    enter(v, &v->web->answering);
    if (stream_write_lasting(v->stream, whole, body))
        answered(v);
}

static void answer_file(struct visit *v, const struct request *r)
{
    const struct site *site = v->web->site;
    const struct site_file *f = site != NULL ? site_find(site, r->path) : NULL;
    if (f == NULL) {
        answer(v, &not_found, r->method == REQUEST_HEAD);
        return;
    }
    struct answer a = {.status = "200 OK", .fields = "Vary: Accept-Encoding\r\n", .type = f->type};
    a.body = f->plain;
    if (r->brotli && f->brotli.at != NULL) {
        a.body = f->brotli;
        a.encoding = "br";
    } else if (r->gzip && f->gzip.at != NULL) {
        a.body = f->gzip;
        a.encoding = "gzip";
    }
    answer(v, &a, r->method == REQUEST_HEAD);
}

/* Ends the visit if it goes well. */
static void become_socket(struct visit *v, const struct request *r, struct now now)
{
    char accept[WEBSOCKET_ACCEPT_LEN + 1], head[256];
    struct stream *stream = v->stream;

    if (!websocket_open(&v->web->sockets, stream, now)) {
        v->last = true;
        answer(v, &unavailable, false);
        return;
    }
    websocket_accept(r->key.at, accept);
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n\r\n",
                       accept);
    free_visit(v);
    bool out = stream_write(stream, (struct span){(const uint8_t *)head, (size_t)len}, (struct span){0});
    (void)out; /* the session says nothing before it was spoken to */
    stream_resume(stream); /* it is paused if the visit waited for its turn */
}

static bool is_socket_path(struct span path)
{
    return path.len == sizeof(WEB_SOCKET_PATH) - 1 && memcmp(path.at, WEB_SOCKET_PATH, path.len) == 0;
}

/* A whole head. more: something else came behind it, which nobody may send before the answer. */
static void carry_out(struct visit *v, const uint8_t *head, size_t len, bool more, struct now now)
{
    struct request r;
    bool good = request_parse(&r, head, len);
    v->last = !good || r.last || more || r.method == REQUEST_OTHER;
    if (!good)
        answer(v, &bad_request, false);
    else if (r.method == REQUEST_OTHER)
        answer(v, &not_allowed, false);
    else if (r.websocket && !more && is_socket_path(r.path))
        become_socket(v, &r, now);
    else
        answer_file(v, &r);
}

/* --- whose turn it is --- */

static bool may_carry(struct web *web)
{
    uint64_t now = uv_now(web->loop);
    if (now != web->carried_at) {
        web->carried_at = now;
        web->carried = 0;
    }
    if (web->carried >= REQUESTS_A_MS)
        return false;
    web->carried++;
    return true;
}

/* Its head is whole, or too large (whole: 0). */
static void carry_out_head(struct visit *v, size_t whole, bool more, struct now now)
{
    uint8_t *held = v->head;
    v->head = NULL;
    v->head_len = 0;
    if (whole > 0) {
        carry_out(v, held, whole, more, now);
    } else {
        v->last = true;
        answer(v, &too_large, false);
    }
    free(held);
}

static void on_turn(uv_idle_t *idle)
{
    struct web *web = idle->data;
    while (!list_empty(&web->waiting) && may_carry(web)) {
        struct visit *v = LIST_ITEM(web->waiting.next, struct visit, turn);
        list_remove(&v->turn);
        carry_out_head(v, v->whole, v->more, clock_now(web->loop));
    }
    if (list_empty(&web->waiting))
        uv_idle_stop(idle);
}

static void wait_for_turn(struct visit *v, size_t whole, bool more)
{
    v->whole = whole;
    v->more = more;
    list_append(&v->web->waiting, &v->turn);
    uv_idle_start(&v->web->turn, on_turn);
}

/* --- what the stream calls --- */

/* One that asks again and again, or takes an answer slowly, would keep its place as long as it likes. */
static bool make_room(void *ctx, struct now now)
{
    struct web *web = ctx;
    struct visit *oldest = list_empty(&web->visits) ? NULL : LIST_ITEM(web->visits.next, struct visit, all);
    (void)now;
    if (oldest == NULL || uv_now(web->loop) - oldest->came < WEB_VISIT_SECONDS * UINT64_C(1000))
        return false;
    drop_visit(oldest);
    return true;
}

static void *open_visit(void *ctx, struct stream *stream, struct now now)
{
    struct visit *v = calloc(1, sizeof(*v));
    (void)now;
    if (v == NULL)
        return NULL;
    v->web = ctx;
    v->stream = stream;
    list_init(&v->timed);
    list_init(&v->turn);
    v->came = uv_now(v->web->loop);
    list_append(&v->web->visits, &v->all);
    enter(v, &v->web->asking);
    return v;
}

/* The head, as far as it is there, until it is whole. false: there is no memory. */
static bool keep_head(struct visit *v, const uint8_t *data, size_t len)
{
    if (v->head == NULL)
        v->head = malloc(REQUEST_HEAD_MAX);
    if (v->head == NULL)
        return false;
    size_t room = REQUEST_HEAD_MAX - v->head_len;
    memcpy(v->head + v->head_len, data, len < room ? len : room);
    v->head_len += len < room ? len : room;
    return true;
}

static void receive(void *user, const uint8_t *data, size_t len, struct now now)
{
    struct visit *v = user;
    bool over = v->head_len + len > REQUEST_HEAD_MAX;

    if (!keep_head(v, data, len)) {
        v->last = true;
        answer(v, &unavailable, false);
        return;
    }
    size_t whole = request_head_length(v->head, v->head_len);
    if (whole == 0 && v->head_len < REQUEST_HEAD_MAX)
        return;
    bool more = over || whole < v->head_len;
    if (list_empty(&v->web->waiting) && may_carry(v->web))
        carry_out_head(v, whole, more, now);
    else
        wait_for_turn(v, whole, more);
}

static bool paused(const void *user)
{
    const struct visit *v = user;
    return v->answering || !list_empty(&v->turn);
}

static void writable(void *user)
{
    answered(user);
}

static void lost(void *user)
{
    free_visit(user);
}

const struct stream_handler web_handler = {make_room, open_visit, receive, paused, writable, lost, lost};

/* --- the whole --- */

/* What a browser is told about each answer: that it keeps nothing, shows it in no frame, sends nobody's
 * address on, and lets it load and connect to nothing foreign. */
static bool write_common(struct web *web, const char *connect)
{
    int len = snprintf(web->common, sizeof(web->common),
                       "Cache-Control: no-store\r\n"
                       "Content-Security-Policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
                       "style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; font-src 'self'; "
                       "worker-src 'self'; connect-src 'self'%s%s; base-uri 'none'; form-action 'none'; "
                       "frame-ancestors 'none'\r\n"
                       "Cross-Origin-Embedder-Policy: require-corp\r\n"
                       "Cross-Origin-Opener-Policy: same-origin\r\n"
                       "Cross-Origin-Resource-Policy: same-origin\r\n"
                       "Permissions-Policy: accelerometer=(), autoplay=(), camera=(), display-capture=(), "
                       "fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(self), "
                       "midi=(), payment=(), usb=()\r\n"
                       "Referrer-Policy: no-referrer\r\n"
                       "X-Content-Type-Options: nosniff\r\n"
                       "X-DNS-Prefetch-Control: off\r\n"
                       "X-Frame-Options: DENY\r\n",
                       connect[0] != '\0' ? " " : "", connect);
    return len > 0 && (size_t)len < sizeof(web->common);
}

zg_err web_open(struct web **out, const struct web_options *options)
{
    struct web *web = calloc(1, sizeof(*web));
    zg_err err = ZG_ERR_MEMORY;
    if (web == NULL)
        goto err0;
    web->sockets.scratch = malloc(WEBSOCKET_SCRATCH_BYTES);
    if (web->sockets.scratch == NULL)
        goto err1;
    err = ZG_ERR_ARGUMENT;
    if (!write_common(web, options->connect))
        goto err2;
    err = ZG_ERR_MEMORY;
    if (uv_timer_init(options->loop, &web->sweep) != 0)
        goto err2;
    uv_idle_init(options->loop, &web->turn); /* does not fail */
    web->sweep.data = web;
    web->turn.data = web;
    web->handles = 2;
    web->loop = options->loop;
    web->site = options->site;
    web->sockets.relay = options->relay;
    list_init(&web->asking);
    list_init(&web->answering);
    list_init(&web->visits);
    list_init(&web->waiting);
    *out = web;
    return ZG_OK;

err2:
    free(web->sockets.scratch);
err1:
    free(web);
err0:
    return err;
}

static void on_closed(uv_handle_t *handle)
{
    struct web *web = handle->data;
    if (--web->handles > 0)
        return;
    free(web->sockets.scratch);
    free(web);
}

void web_close(struct web *web)
{
    if (web == NULL)
        return;
    assert(list_empty(&web->asking) && list_empty(&web->answering));
    uv_close((uv_handle_t *)&web->sweep, on_closed);
    uv_close((uv_handle_t *)&web->turn, on_closed);
}
