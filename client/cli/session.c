#define _POSIX_C_SOURCE 200809L

#include "client/cli/session.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zaguan/vault_sqlite.h>

#include "client/cli/prompt.h"

/* After so long without anything new from the relay, that was all. */
enum { SEEK_CONNECT_MS = 10 * 1000, SEEK_QUIET_MS = 3 * 1000 };

zg_now session_now(const struct session *s)
{
    return zg_uv_now(s->driver);
}

/* --- looking for the conversation --- */

static void hex_of(const zg_id *id, char out[SHORT_ID_BYTES])
{
    sodium_bin2hex(out, SHORT_ID_BYTES, id->b, sizeof(id->b));
}

static unsigned count_matches(struct session *s)
{
    char hex[SHORT_ID_BYTES];
    unsigned found = 0;
    zg_conversation c;
    for (size_t i = 0; zg_client_conversation_at(s->client, i, &c); i++) {
        hex_of(&c.id, hex);
        if (s->seeking[0] != '\0' && strncmp(hex, s->seeking, strlen(s->seeking)) == 0) {
            found++;
            s->conversation = c.id;
        }
    }
    return found;
}

static void seek(struct session *s)
{
    unsigned found = count_matches(s);
    if (found == 0)
        return;
    if (found > 1) {
        session_end(s, complain(NOT_THERE, "%u conversations' names start with %s; give more of it", found, s->seeking));
        return;
    }
    s->seeking = NULL;
    session_limit(s, 0);
    s->handler->ready(s);
}

static void seek_failed(struct session *s)
{
    if (s->reached)
        session_end(s, complain(NOT_THERE, "no conversation's name starts with %s; `zaguan inbox' shows them", s->seeking));
    else
        session_end(s, complain(NO_RELAY, "no conversation's name starts with %s here, and the relay was not reached",
                                s->seeking));
}

/* --- events --- */

static void take_state(struct session *s, const zg_event *e)
{
    if (e->kind == ZG_EVENT_CONNECTED)
        s->reached = s->connected = true;
    else if (e->kind == ZG_EVENT_DISCONNECTED)
        s->connected = false;
}

static void on_loaded(struct session *s)
{
    zg_desk d;
    if (s->seeking == NULL) {
        s->handler->ready(s);
        return;
    }
    seek(s);
    if (s->seeking == NULL || s->ended)
        return;
    if (zg_client_desk(s->client, &d) == ZG_OK) /* its knocks are at the relay */
        session_limit(s, SEEK_CONNECT_MS);
    else
        session_end(s, complain(NOT_THERE, "there is no desk in this vault"));
}

static void take_event(struct session *s, const zg_event *e)
{
    take_state(s, e);
    if (e->kind == ZG_EVENT_FAILED) {
        session_end(s, complain_err(e->err, "the vault cannot be read"));
    } else if (e->kind == ZG_EVENT_READY) {
        on_loaded(s);
    } else if (s->seeking == NULL) {
        if (s->handler->event != NULL)
            s->handler->event(s, e);
    } else {
        if (s->reached)
            session_limit(s, SEEK_QUIET_MS);
        seek(s);
    }
}

void session_act(struct session *s)
{
    zg_event e;
    if (s->reading_events) /* an action inside ready or event: the loop below goes on */
        return;
    s->reading_events = true;
    while (!s->ended && zg_client_event(s->client, &e))
        take_event(s, &e);
    s->reading_events = false;
    zg_uv_kick(s->driver);
}

static void on_wake(void *ctx)
{
    session_act(ctx);
}

static void on_signal(uv_signal_t *h, int number)
{
    session_end(h->data, 128 + number);
}

static void on_limit(uv_timer_t *t)
{
    struct session *s = t->data;
    if (s->seeking != NULL)
        seek_failed(s);
    else
        s->handler->late(s);
    if (!s->ended)
        session_act(s);
}

void session_limit(struct session *s, uint64_t ms)
{
    uv_update_time(&s->loop);
    if (ms == 0)
        uv_timer_stop(&s->limit);
    else
        uv_timer_start(&s->limit, on_limit, ms, 0);
}

/* --- life --- */

static void start_signals(struct session *s)
{
    static const int numbers[SESSION_SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < SESSION_SIGNALS; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
}

static int start_driver(struct session *s, const struct common *c)
{
    const zg_uv_options options = {.size = sizeof(options), .socks5 = c->socks5, .wake = on_wake, .ctx = s};
    zg_err err = zg_uv_open(&s->driver, &s->loop, s->client, &options);
    if (err == ZG_ERR_ARGUMENT)
        return complain(USAGE, "--socks5 takes HOST:PORT, such as 127.0.0.1:9050");
    return err == ZG_OK ? DONE : complain_err(err, "cannot start");
}

static zg_now now_without_driver(void)
{
    return zg_uv_now(NULL);
}

int session_open(struct session *s, const struct session_options *o)
{
    const zg_client_options options = {.size = sizeof(options), .vault = o->vault};
    memset(s, 0, sizeof(*s));
    s->handler = o->handler;
    s->ctx = o->ctx;
    s->seeking = o->prefix;
    s->code = -1;
    if (uv_loop_init(&s->loop) != 0) {
        if (o->vault != NULL)
            o->vault->close(o->vault);
        return complain(FAILED, "cannot start: no event loop");
    }
    zg_err err = zg_client_new(&s->client, &options, now_without_driver());
    if (err != ZG_OK) {
        uv_loop_close(&s->loop);
        return complain_err(err, "cannot start");
    }
    if (o->offline)
        zg_client_network(s->client, false, now_without_driver());
    int code = start_driver(s, o->common);
    if (code != DONE) {
        zg_client_free(s->client);
        uv_loop_close(&s->loop);
        return code;
    }
    start_signals(s);
    uv_timer_init(&s->loop, &s->limit);
    s->limit.data = s;
    return DONE;
}

void session_end(struct session *s, int code)
{
    if (s->ended)
        return;
    s->ended = true;
    s->code = code;
    zg_uv_close(s->driver, NULL);
    for (int i = 0; i < SESSION_SIGNALS; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    uv_close((uv_handle_t *)&s->limit, NULL);
    if (s->handler->ended != NULL)
        s->handler->ended(s);
}

int session_run(struct session *s)
{
    session_act(s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    zg_client_free(s->client);
    if (uv_loop_close(&s->loop) != 0)
        return complain(FAILED, "the event loop was not empty");
    return s->code;
}

/* --- vaults --- */

int session_vault_complain(zg_err err, const char *path)
{
    switch (err) {
    case ZG_ERR_NOT_FOUND:
        return complain(NOT_THERE, "there is no vault at %s; `zaguan desk create' makes one, --vault names another", path);
    case ZG_ERR_LOCKED:
        return complain(IN_USE, "%s is in use by another zaguan; end that one first", path);
    case ZG_ERR_PASSPHRASE:
        return complain(WRONG_PASSPHRASE, "%s: wrong passphrase; nothing was changed, try again", path);
    case ZG_ERR_VERSION:
        return complain(NOT_ACCEPTED, "%s was made by a newer zaguan; use that one. Nothing was changed", path);
    case ZG_ERR_MALFORMED:
        return complain(NOT_ACCEPTED, "%s is damaged, or is not a vault. It was left as it is: if there is a copy, use the copy; "
                        "if not, `zaguan desk create' makes a new desk, with a new card", path);
    default:
        return complain_err(err, path);
    }
}

int session_vault_open(zg_vault **out, const struct common *c)
{
    struct secret_line passphrase;
    char *path = vault_path(c);
    if (path == NULL)
        return FAILED;
    int code = access(path, F_OK) == 0 ? DONE : session_vault_complain(ZG_ERR_NOT_FOUND, path);
    if (code == DONE)
        code = prompt_passphrase(&passphrase, c->passphrase_fd, PASSPHRASE_EXISTING, "the vault");
    if (code == DONE) {
        zg_err err = zg_vault_sqlite_open(out, path, ZG_VAULT_OPEN, passphrase.at, passphrase.len);
        secret_line_clear(&passphrase);
        if (err != ZG_OK)
            code = session_vault_complain(err, path);
    }
    free(path);
    return code;
}

/* --- short names --- */

static size_t common_digits(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] != '\0' && a[n] == b[n])
        n++;
    return n;
}

void session_short_id(const struct session *s, const zg_id *id, char out[SHORT_ID_BYTES])
{
    char other[SHORT_ID_BYTES];
    size_t digits = 6;
    zg_conversation c;
    hex_of(id, out);
    for (size_t i = 0; zg_client_conversation_at(s->client, i, &c); i++) {
        hex_of(&c.id, other);
        size_t same = common_digits(out, other);
        if (same < SHORT_ID_BYTES - 1 && same >= digits)
            digits = same + 1;
    }
    out[digits] = '\0';
}
