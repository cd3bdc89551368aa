/* A client's connections: one for each relay that something refers to; and the driver's side of include/zaguan/client.h. */
#include <stdlib.h>
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/desk.h"
#include "client/core/knocking.h"
#include "client/core/locker.h"

static void on_opened(void *ctx, struct connection *link)
{
    struct zg_client *c = ctx;
    uint64_t expected = client_time_ms(c);
    bool agreed = timekeeper_agrees(&c->time), first = !c->time.relay_known;
    bool slept = timekeeper_relay(&c->time, link->welcome.utc_minute);
    client_time_learnt(c, expected, agreed || slept, first);
    link->told = ZG_OK;
    client_event(c, ZG_EVENT_CONNECTED, ZG_OK, NULL, NULL, 0);
}

static void on_closed(void *ctx, struct connection *link, zg_err why)
{
    if (link->told == why)
        return;
    link->told = why;
    client_event(ctx, ZG_EVENT_DISCONNECTED, why, NULL, NULL, 0);
}

void client_relay_went_back(struct zg_client *c, struct connection *link)
{
    enum { INCIDENT_MS = 3600000 };
    bool said = link->went_back_ms != 0 && c->now.mono_ms < link->went_back_ms + INCIDENT_MS;
    link->went_back_ms = c->now.mono_ms + 1;
    if (said)
        return;
    client_event(c, ZG_EVENT_RELAY_WENT_BACK, ZG_OK, NULL, NULL, 0);
    if (c->desk != NULL && c->desk->connection == link)
        desk_republish(c->desk);
}

static bool same_place(const struct relay_place *a, const struct relay_place *b)
{
    if (a->count != b->count || memcmp(a->pk, b->pk, sizeof(a->pk)) != 0)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->address[i], b->address[i]) != 0)
            return false;
    return true;
}

struct connection *client_connection(struct zg_client *c, const struct relay_place *place)
{
    const struct connection_hooks hooks = {on_opened, on_closed, c};
    for (struct connection *link = c->connections; link != NULL; link = link->next)
        if (same_place(&link->place, place))
            return link;
    struct connection *link = malloc(sizeof(*link));
    if (link == NULL)
        return NULL;
    connection_init(link, place, &c->rng, &c->links, &hooks, c->now.mono_ms);
    if (!c->network)
        connection_network(link, false, c->now.mono_ms);
    link->next = c->connections;
    c->connections = link;
    return link;
}

static bool wants_relay(const struct conversation *v)
{
    if (v->gone)
        return false;
    if (v->state == ZG_CONVERSATION_LOOKING)
        return knocking_wants_relay(v->knocking);
    return v->state != ZG_CONVERSATION_ENDED || v->cleanup != 0;
}

/* referred: something points to it. wanted: something needs it now. */
static void connection_users(const struct zg_client *c, const struct connection *link, bool *referred, bool *wanted)
{
    const struct desk *d = c->desk;
    *referred = d != NULL && d->connection == link;
    *wanted = *referred && !d->gone && d->failed == ZG_OK;
    if (c->locker != NULL && c->locker->connection == link) {
        *referred = true;
        *wanted = locker_wants_relay(c->locker);
    }
    for (size_t i = 0; i < c->conversation_count && !*wanted; i++) {
        const struct conversation *v = c->conversations[i];
        if (v->connection != link)
            continue;
        *referred = true;
        *wanted = wants_relay(v);
    }
}

void client_links_work(struct zg_client *c)
{
    for (struct connection **at = &c->connections; *at != NULL;) {
        struct connection *link = *at;
        bool referred, wanted;
        connection_users(c, link, &referred, &wanted);
        connection_want(link, wanted);
        connection_advance(link, c->now.mono_ms);
        if (referred || link->state != CONNECTION_IDLE || link->to_close != 0) {
            at = &link->next;
            continue;
        }
        *at = link->next;
        connection_clear(link);
        free(link);
    }
}

static struct connection *find_link(const struct zg_client *c, uint32_t link)
{
    for (struct connection *at = c->connections; at != NULL; at = at->next)
        if (at->link == link && link != 0)
            return at;
    return NULL;
}

void client_links_free(struct zg_client *c)
{
    while (c->connections != NULL) {
        struct connection *link = c->connections;
        c->connections = link->next;
        connection_clear(link);
        free(link);
    }
}

/* --- the driver's side --- */

bool zg_client_io(zg_client *c, zg_io *out)
{
    for (struct connection *link = c->connections; link != NULL; link = link->next)
        if (connection_io(link, out))
            return true;
    return false;
}

void zg_client_link_opened(zg_client *c, uint32_t link, zg_now now)
{
    client_now(c, now);
    struct connection *at = find_link(c, link);
    if (at != NULL)
        connection_opened(at, c->now.mono_ms);
    client_work(c);
}

void zg_client_link_received(zg_client *c, uint32_t link, const uint8_t *data, size_t len, zg_now now)
{
    client_now(c, now);
    struct connection *at = find_link(c, link);
    if (at != NULL)
        connection_received(at, data, len, c->now.mono_ms);
    client_work(c);
}

void zg_client_link_closed(zg_client *c, uint32_t link, zg_now now)
{
    client_now(c, now);
    struct connection *at = find_link(c, link);
    if (at != NULL)
        connection_closed(at, c->now.mono_ms);
    client_work(c);
}

void zg_client_network(zg_client *c, bool available, zg_now now)
{
    client_now(c, now);
    c->network = available;
    for (struct connection *link = c->connections; link != NULL; link = link->next)
        connection_network(link, available, c->now.mono_ms);
    if (available) {
        for (size_t i = 0; i < c->conversation_count; i++)
            c->conversations[i]->subscription.displaced = false;
        if (c->desk != NULL)
            c->desk->subscription.displaced = false;
    }
    client_work(c);
}
