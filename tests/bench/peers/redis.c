/*
 * Redis: a stream for each queue. XADD, answered in order; XREAD BLOCK; XDEL of what came, together with the next XREAD. Without a
 * consumer group: a queue has one reader, who starts at the stream's beginning when it comes back, so nothing is lost without one, and
 * Redis is spared the list of what is pending.
 *
 * Answers (RESP): ":NUMBER", "+WORD", "-ERROR", "$LENGTH" and bytes, "*COUNT" and so many answers.
 */
#define _GNU_SOURCE
#include "tests/bench/peers/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 5 };

/* Reads on in an answer. What is not complete ends in at = NULL. */
struct scan {
    const uint8_t *at, *end;
    bool bad;
};

/* The line's first byte and its number. */
static char line(struct scan *s, long *number)
{
    const uint8_t *eol = memmem(s->at, (size_t)(s->end - s->at), "\r\n", 2);
    if (eol == NULL) {
        s->at = NULL;
        return 0;
    }
    char kind = (char)*s->at;
    *number = strtol((const char *)s->at + 1, NULL, 10);
    s->at = eol + 2;
    return kind;
}

/* NULL: not here, or not complete. */
static const uint8_t *string(struct scan *s, size_t *len)
{
    long n = 0;
    if (s->at == NULL || line(s, &n) != '$' || n < 0 || s->end - s->at < n + 2) {
        s->at = NULL;
        return NULL;
    }
    const uint8_t *b = s->at;
    s->at += n + 2;
    *len = (size_t)n;
    return b;
}

static void skip(struct scan *s, int depth)
{
    long n = 0;
    char kind = line(s, &n);
    if (s->at == NULL)
        return;
    if (kind == '$' && n >= 0)
        s->at = s->end - s->at < n + 2 ? NULL : s->at + n + 2;
    else if (kind == '*' && depth == DEPTH)
        s->bad = true;
    else if (kind == '*') {
        for (long i = 0; i < n && s->at != NULL && !s->bad; i++)
            skip(s, depth + 1);
    } else if (kind != '$')
        s->bad = kind != ':' && kind != '+';
}

static void greet(struct end *e)
{
    strcpy(e->place, "0-0");
    pairs_ready(e);
}

/* It starts behind what it has seen. */
static void read_on(struct end *e)
{
    link_print(&e->link, "XREAD COUNT %d BLOCK 0 STREAMS q%u %s\r\n", WINDOW, (unsigned)e->pair->number, e->place);
}

static void subscribe(struct end *e)
{
    read_on(e);
    pairs_ready(e);
}

static void send_message(struct end *e, uint32_t slot, const uint8_t *b, size_t len)
{
    char queue[16];
    int n = snprintf(queue, sizeof(queue), "q%u", (unsigned)e->pair->number);
    (void)slot;
    link_print(&e->link, "*5\r\n$4\r\nXADD\r\n$%d\r\n%s\r\n$1\r\n*\r\n$1\r\nm\r\n$%zu\r\n", n, queue, len);
    link_put(&e->link, b, len);
    link_put(&e->link, "\r\n", 2);
}

/* *1 *2 QUEUE *COUNT, each *2 ID *2 "m" MESSAGE. It is complete. */
static bool take_messages(struct end *e, struct scan s)
{
    long n = 0, count = 0;
    size_t len = 0;

    line(&s, &n);
    if (n != 1)
        return false;
    line(&s, &n);
    string(&s, &len);
    if (s.at == NULL || line(&s, &count) != '*')
        return false;
    link_print(&e->link, "XDEL q%u", (unsigned)e->pair->number);
    for (long i = 0; i < count; i++) {
        line(&s, &n);
        const uint8_t *id = string(&s, &len);
        if (id == NULL || len >= PLACE_BYTES)
            return false;
        memcpy(e->place, id, len);
        e->place[len] = '\0';
        line(&s, &n);
        string(&s, &len); /* "m" */
        const uint8_t *message = string(&s, &len);
        if (message == NULL)
            return false;
        pairs_delivered(e, message, len);
        link_print(&e->link, " %s", e->place);
    }
    link_put(&e->link, "\r\n", 2);
    read_on(e);
    return true;
}

static long heard(struct end *e, const uint8_t *b, size_t len)
{
    struct scan s = {b, b + len, false};
    bool good = true;

    skip(&s, 0);
    if (s.bad)
        return UNIT_BAD;
    if (s.at == NULL)
        return 0;
    if (*b == '*')
        good = !e->is_sender && take_messages(e, (struct scan){b, s.at, false});
    else if (*b == '$')
        good = e->is_sender && pairs_confirmed_next(e);
    else if (*b == ':' && !e->is_sender)
        pairs_acked(e, strtoull((const char *)b + 1, NULL, 10)); /* how many were there and are no longer */
    else
        good = false;
    return good ? s.at - b : UNIT_BAD;
}

const struct backend redis_backend = {
    .name = "redis", .greet = greet, .subscribe = subscribe, .send = send_message, .heard = heard};
