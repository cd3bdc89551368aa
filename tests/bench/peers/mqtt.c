/*
 * MQTT 3.1.1 with QoS 1: PUBLISH, answered by PUBACK; a reader's session outlives its connection (no clean session), and its PUBACK
 * deletes.
 *
 * A packet: kind and flags u8, length (7 bits a byte, the smallest first), body.
 */
#include "tests/bench/peers/peers.h"

#include <stdio.h>
#include <string.h>

enum packet {
    CONNECT = 1, CONNACK = 2, PUBLISH = 3, PUBACK = 4, SUBSCRIBE = 8, SUBACK = 9, PINGREQ = 12, PINGRESP = 13,
};

enum { FLAGS_QOS_1 = 2, CLEAN_SESSION = 2, NAME_BYTES = 16 };

static void put_u16(struct link *l, size_t v)
{
    const uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    link_put(l, b, sizeof(b));
}

static void put_text(struct link *l, const char *text)
{
    put_u16(l, strlen(text));
    link_put(l, text, strlen(text));
}

static void put_head(struct link *l, enum packet kind, unsigned flags, size_t len)
{
    uint8_t b[5] = {(uint8_t)((unsigned)kind << 4 | flags)};
    size_t n = 1;
    do {
        b[n] = (uint8_t)(len & 127);
        len >>= 7;
        if (len > 0)
            b[n] |= 128;
        n++;
    } while (len > 0);
    link_put(l, b, n);
}

static void greet(struct end *e)
{
    const uint8_t flags[4] = {4 /* 3.1.1 */, e->is_sender ? CLEAN_SESSION : 0, 0, 0 /* no keep-alive */};
    char name[NAME_BYTES];

    snprintf(name, sizeof(name), "%c%u", e->is_sender ? 's' : 'r', (unsigned)e->pair->number);
    put_head(&e->link, CONNECT, 0, 6 + sizeof(flags) + 2 + strlen(name));
    put_text(&e->link, "MQTT");
    link_put(&e->link, flags, sizeof(flags));
    put_text(&e->link, name);
}

static void topic_of(const struct end *e, char out[NAME_BYTES])
{
    snprintf(out, NAME_BYTES, "q/%u", (unsigned)e->pair->number);
}

static void subscribe(struct end *e)
{
    char topic[NAME_BYTES];
    const uint8_t qos = 1;

    topic_of(e, topic);
    put_head(&e->link, SUBSCRIBE, FLAGS_QOS_1, 2 + 2 + strlen(topic) + 1);
    put_u16(&e->link, 1);
    put_text(&e->link, topic);
    link_put(&e->link, &qos, 1);
}

static void send_message(struct end *e, uint32_t slot, const uint8_t *b, size_t len)
{
    char topic[NAME_BYTES];

    topic_of(e, topic);
    put_head(&e->link, PUBLISH, FLAGS_QOS_1, 2 + strlen(topic) + 2 + len);
    put_text(&e->link, topic);
    put_u16(&e->link, slot + 1); /* 0 is no packet's number */
    link_put(&e->link, b, len);
}

static void ask(struct end *e)
{
    put_head(&e->link, PINGREQ, 0, 0);
}

static size_t u16_at(const uint8_t *b)
{
    return (size_t)b[0] << 8 | b[1];
}

static bool take_message(struct end *e, const uint8_t *b, size_t len)
{
    size_t topic = len >= 2 ? u16_at(b) : 0;
    if (len < 2 + topic + 2)
        return false;
    put_head(&e->link, PUBACK, 0, 2);
    put_u16(&e->link, u16_at(b + 2 + topic));
    pairs_delivered(e, b + 2 + topic + 2, len - 2 - topic - 2);
    return true;
}

static bool take(struct end *e, unsigned kind, const uint8_t *b, size_t len)
{
    switch (kind) {
    case CONNACK:
        if (len != 2 || b[1] != 0)
            return false;
        pairs_ready(e);
        return true;
    case SUBACK:
        if (len != 3 || b[2] != 1)
            return false;
        pairs_ready(e);
        return true;
    case PUBACK:
        return e->is_sender && len == 2 && u16_at(b) > 0 && pairs_confirmed(e, (uint32_t)u16_at(b) - 1);
    case PUBLISH:
        return !e->is_sender && take_message(e, b, len);
    case PINGRESP:
        pairs_acked(e, e->pair->delivered);
        return true;
    default:
        return false;
    }
}

static long heard(struct end *e, const uint8_t *b, size_t len)
{
    size_t body = 0, at = 1;
    for (unsigned shift = 0;; shift += 7, at++) {
        if (at >= len)
            return 0;
        if (shift > 21)
            return UNIT_BAD;
        body |= (size_t)(b[at] & 127) << shift;
        if ((b[at] & 128) == 0)
            break;
    }
    at++;
    if (len - at < body)
        return 0;
    return take(e, b[0] >> 4, b + at, body) ? (long)(at + body) : UNIT_BAD;
}

const struct backend mqtt_backend = {.name = "mqtt",
                                     .knows_readers = true,
                                     .greet = greet,
                                     .subscribe = subscribe,
                                     .send = send_message,
                                     .ask = ask,
                                     .heard = heard};
