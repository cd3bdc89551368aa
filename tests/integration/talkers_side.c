/*
 * One side: its events, its checks.
 *
 * Happy path: READY, then (a worker) DESK_READY, KNOCK, or (a participant) KNOCK_SENT, ACCEPTED; then every
 * message comes in with the number after the last one. Anything else is a fault, at once: a number that was
 * there already, one that is missing, a message that nobody sent, a refusal.
 */
#define _GNU_SOURCE

#include "tests/integration/talkers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sender and number, then a filler that depends on them; a few messages take two or three envelopes. */
static size_t compose(char out[TALK_TEXT_MAX], char letter, uint32_t number)
{
    uint32_t mixed = number * 2654435761u + (uint8_t)letter;
    size_t len = (size_t)snprintf(out, TALK_TEXT_MAX, "%c %u ", letter, (unsigned)number);
    size_t filler = mixed % 61 == 0 ? 1500 + mixed % 2000 : mixed % 300;
    for (size_t i = 0; i < filler; i++)
        out[len++] = (char)('a' + (mixed + i) % 26);
    return len;
}

/* The number that a text carries; 0: it is none of this sender's. */
static uint32_t number_of(const zg_message *m, char letter)
{
    char expected[TALK_TEXT_MAX], from;
    unsigned number;
    if (sscanf(m->text, "%c %u ", &from, &number) != 2 || from != letter)
        return 0;
    size_t len = compose(expected, letter, number);
    return len == m->text_len && memcmp(expected, m->text, len) == 0 ? (uint32_t)number : 0;
}

/* The words of the knock may be told as a message or not; once they are over, nobody says them. */
static bool is_knock(const zg_message *m)
{
    return strcmp(m->text, TALK_KNOCK) == 0;
}

static zg_message look_up(const struct talker *t, const zg_event *e)
{
    zg_message m;
    zg_err err = zg_client_message(t->client, &e->conversation, &e->message, &m);
    if (err != ZG_OK)
        fault("an event of the %s names a message that is not there: %s", t->name, zg_err_name(err));
    return m;
}

/* If it kept none, they are late rather than lost. */
static uint32_t kept_between(const struct direction *d, uint32_t first, uint32_t last)
{
    uint32_t count = 0;
    for (uint32_t n = first + 1; n < last; n++)
        count += d->is_kept[n];
    return count;
}

static void take_message(struct talker *t, const zg_event *e)
{
    struct direction *d = &t->other->says;
    zg_message m = look_up(t, e);
    if (is_knock(&m))
        return;
    uint32_t number = number_of(&m, t->other->letter);
    if (number == 0 || m.own || number > d->sent)
        fault("the %s got a message that nobody sent: %.40s", t->name, m.text);
    if (number <= d->received)
        fault("twice: number %u of the %s came again, after %u", number, t->other->name, d->received);
    if (number > d->received + 1)
        fault("lost: number %u of the %s came after %u; of those between, the relay kept %u", number,
              t->other->name, d->received, kept_between(d, d->received, number));
    d->received = number;
    if (t->answers > 0) {
        t->answers--;
        talker_say(t, 1);
    }
}

static void take_sent(struct talker *t, const zg_event *e)
{
    zg_message m = look_up(t, e);
    if (is_knock(&m))
        return;
    uint32_t number = number_of(&m, t->letter);
    if (number == 0 || !m.own || number > t->says.sent)
        fault("ZG_EVENT_SENT of the %s for a message that was not sent: %.40s", t->name, m.text);
    if (t->says.is_kept[number])
        fault("ZG_EVENT_SENT twice for number %u of the %s", number, t->name);
    t->says.is_kept[number] = 1;
    t->says.kept++;
}

static void take_event(struct talker *t, const zg_event *e)
{
    switch (e->kind) {
    case ZG_EVENT_READY:
        t->ready = true;
        break;
    case ZG_EVENT_CONNECTED:
        t->connected = true;
        t->connects++;
        break;
    case ZG_EVENT_DISCONNECTED:
        t->disconnects += t->connected;
        t->connected = false;
        break;
    case ZG_EVENT_DESK_READY:
        t->desk_ready = true;
        break;
    case ZG_EVENT_KNOCK:
        t->conversation = e->conversation;
        t->knocked = true;
        break;
    case ZG_EVENT_KNOCK_SENT:
        t->knocked = true;
        break;
    case ZG_EVENT_ACCEPTED:
        t->open = true;
        break;
    case ZG_EVENT_MESSAGE:
        take_message(t, e);
        break;
    case ZG_EVENT_SENT:
        take_sent(t, e);
        break;
    case ZG_EVENT_NOT_SENT:
        if (e->err != ZG_ERR_BUSY && e->err != ZG_ERR_NETWORK)
            fault("a message of the %s was not sent: %s", t->name, zg_err_name(e->err));
        t->retries++;
        break;
    case ZG_EVENT_SAFETY:
    case ZG_EVENT_PUZZLE:
        if (e->err != ZG_OK)
            fault("the safety words of the %s: %s", t->name, zg_err_name(e->err));
        break;
    default:
        fault("the %s got event %d: %s", t->name, (int)e->kind, zg_err_name(e->err));
    }
}

static void drain(struct talker *t)
{
    zg_event e;
    while (zg_client_event(t->client, &e))
        take_event(t, &e);
}

static void wake(void *ctx)
{
    drain(ctx);
}

void talker_kick(struct talker *t)
{
    zg_uv_kick(t->driver);
    drain(t);
    zg_uv_kick(t->driver);
}

void talker_open(struct talker *t, uv_loop_t *loop, zg_vault *vault, struct talker *other, uint32_t messages)
{
    const zg_client_options options = {.size = sizeof(options), .vault = vault};
    const zg_uv_options driver = {.size = sizeof(driver), .wake = wake, .ctx = t};
    t->loop = loop;
    t->other = other;
    t->limit = messages;
    t->says.is_kept = calloc((size_t)messages + 1, 1);
    if (t->says.is_kept == NULL)
        fault("out of memory");
    zg_err err = zg_client_new(&t->client, &options, zg_uv_now(NULL));
    if (err == ZG_OK)
        err = zg_uv_open(&t->driver, loop, t->client, &driver);
    if (err != ZG_OK)
        fault("the %s cannot start: %s", t->name, zg_err_name(err));
    talker_kick(t);
}

static void on_closed(void *ctx)
{
    struct talker *t = ctx;
    zg_client_free(t->client);
    t->client = NULL;
    free(t->says.is_kept);
}

void talker_close(struct talker *t)
{
    zg_uv_close(t->driver, on_closed);
    t->driver = NULL;
}

void talker_say(struct talker *t, uint32_t count)
{
    char text[TALK_TEXT_MAX];
    for (; count > 0 && t->says.sent < t->limit; count--) {
        size_t len = compose(text, t->letter, t->says.sent + 1);
        zg_err err = zg_client_send(t->client, &t->conversation, text, len, NULL, NULL, zg_uv_now(t->driver));
        if (err != ZG_OK)
            fault("the %s cannot send: %s", t->name, zg_err_name(err));
        t->says.sent++;
    }
}

void talker_go_away(struct talker *t, bool away)
{
    t->away = away;
    zg_client_network(t->client, !away, zg_uv_now(t->driver));
    talker_kick(t);
}
