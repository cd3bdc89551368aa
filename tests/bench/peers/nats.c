/*
 * NATS with JetStream: a stream of work-queue retention in a file for each queue, and one durable consumer with explicit
 * acknowledgements. A message is published with a subject for the answer, and confirmed when that came; the answer to a delivery
 * acknowledges and deletes.
 *
 * Lines of words; MSG SUBJECT SID [REPLY] LENGTH is followed by the message. Subjects of pair N: q.N for messages; c.N.SLOT for
 * confirmations; d.N for deliveries; s.N and r.N for answers to what sender and reader set up. A delivery has the subject of its message,
 * so it is known by the number of its subscription.
 */
#define _GNU_SOURCE
#include "tests/bench/peers/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096 };
enum subscription { SUB_ANSWERS = 1, SUB_CONFIRMATIONS = 2, SUB_DELIVERIES = 3 };

static char role(const struct end *e)
{
    return e->is_sender ? 's' : 'r';
}

static void request(struct end *e, const char *subject, const char *json)
{
    link_print(&e->link, "PUB $JS.API.%s %c.%u %zu\r\n%s\r\n", subject, role(e), (unsigned)e->pair->number, strlen(json),
               json);
}

static void make_stream(struct end *e)
{
    char subject[64], json[256];
    snprintf(subject, sizeof(subject), "STREAM.CREATE.S%u", (unsigned)e->pair->number);
    snprintf(json, sizeof(json),
             "{\"name\":\"S%u\",\"subjects\":[\"q.%u\"],\"retention\":\"workqueue\",\"storage\":\"file\","
             "\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,\"num_replicas\":1}",
             (unsigned)e->pair->number, (unsigned)e->pair->number);
    request(e, subject, json);
}

static void make_consumer(struct end *e)
{
    char subject[64], json[384];
    snprintf(subject, sizeof(subject), "CONSUMER.DURABLE.CREATE.S%u.c", (unsigned)e->pair->number);
    snprintf(json, sizeof(json),
             "{\"stream_name\":\"S%u\",\"config\":{\"durable_name\":\"c\",\"deliver_subject\":\"d.%u\",\"ack_policy\":\"explicit\","
             "\"deliver_policy\":\"all\",\"replay_policy\":\"instant\",\"max_ack_pending\":%d}}",
             (unsigned)e->pair->number, (unsigned)e->pair->number, WINDOW);
    request(e, subject, json);
}

static void greet(struct end *e)
{
    unsigned n = e->pair->number;
    link_print(&e->link, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
    if (e->all->o.kind != KIND_IDLE)
        link_print(&e->link, "SUB %c.%u %d\r\n", role(e), n, SUB_ANSWERS);
    if (!e->is_sender) {
        link_print(&e->link, "PING\r\n");
        return;
    }
    link_print(&e->link, "SUB c.%u.* %d\r\n", n, SUB_CONFIRMATIONS);
    make_stream(e);
}

/* Connections that only wait have a plain subscription: less than a stream and its consumer. */
static void subscribe(struct end *e)
{
    link_print(&e->link, "SUB d.%u %d\r\n", (unsigned)e->pair->number, SUB_DELIVERIES);
    if (e->all->o.kind == KIND_IDLE)
        link_print(&e->link, "PING\r\n");
    else
        make_consumer(e);
}

static void send_message(struct end *e, uint32_t slot, const uint8_t *b, size_t len)
{
    unsigned n = e->pair->number;
    link_print(&e->link, "PUB q.%u c.%u.%u %zu\r\n", n, n, (unsigned)slot, len);
    link_put(&e->link, b, len);
    link_put(&e->link, "\r\n", 2);
}

static void ask(struct end *e)
{
    link_print(&e->link, "PING\r\n");
}

static bool take_confirmation(struct end *e, const char *subject, const uint8_t *b, size_t len)
{
    unsigned pair, slot;
    if (sscanf(subject, "c.%u.%u", &pair, &slot) != 2 || memmem(b, len, "\"error\"", 7) != NULL)
        return false;
    return pairs_confirmed(e, slot);
}

static bool take_message(struct end *e, char *head, const uint8_t *b, size_t len)
{
    char *rest = NULL;
    const char *subject = strtok_r(head, " ", &rest);
    const char *subscription = strtok_r(NULL, " ", &rest);
    const char *reply = strtok_r(NULL, " ", &rest);

    if (reply == NULL)
        return false;
    switch (atoi(subscription)) {
    case SUB_ANSWERS:
        if (memmem(b, len, "\"error\"", 7) != NULL)
            return false;
        pairs_ready(e);
        return true;
    case SUB_CONFIRMATIONS:
        return take_confirmation(e, subject, b, len);
    case SUB_DELIVERIES:
        link_print(&e->link, "PUB %s 0\r\n\r\n", reply);
        pairs_delivered(e, b, len);
        return true;
    default:
        return false;
    }
}

/* MSG and what follows it; head is its line, which ends at b + at. */
static long message(struct end *e, char *head, const uint8_t *b, size_t at, size_t len)
{
    const char *last = strrchr(head, ' ');
    size_t size = last != NULL ? strtoul(last + 1, NULL, 10) : 0;
    if (len - at < size + 2)
        return 0;
    return take_message(e, head + strlen("MSG "), b + at, size) ? (long)(at + size + 2) : UNIT_BAD;
}

static long heard(struct end *e, const uint8_t *b, size_t len)
{
    char head[LINE_MAX_BYTES];
    const uint8_t *eol = memmem(b, len, "\r\n", 2);

    if (eol == NULL)
        return 0;
    size_t n = (size_t)(eol - b);
    if (n >= sizeof(head))
        return UNIT_BAD;
    memcpy(head, b, n);
    head[n] = '\0';
    if (strncmp(head, "MSG ", 4) == 0)
        return message(e, head, b, n + 2, len);
    if (strcmp(head, "PING") == 0)
        link_print(&e->link, "PONG\r\n");
    else if (strcmp(head, "PONG") == 0 && e->all->asking)
        pairs_acked(e, e->pair->delivered);
    else if (strcmp(head, "PONG") == 0)
        pairs_ready(e);
    else if (strncmp(head, "INFO ", 5) != 0)
        return UNIT_BAD;
    return (long)n + 2;
}

const struct backend nats_backend = {
    .name = "nats", .greet = greet, .subscribe = subscribe, .send = send_message, .ask = ask, .heard = heard};
