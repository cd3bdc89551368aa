/* Messages in order, passed over, late, crossing; states saved and loaded; what does not open. */
#include <string.h>

#include "tests/ctime/forms.h"

typedef uint8_t envelope_bytes[WIRE_ENVELOPE_BYTES];

static void reads(struct meeting *m, struct ratchet *to, const uint8_t *envelope, const char *text)
{
    uint8_t frame[RATCHET_FRAME_BYTES];
    must_hold(hear(m, to, envelope, frame, NULL) == ZG_OK, text);
    must_be_same(frame + 3, text, strlen(text), "what was written"); /* behind flags and length */
}

/* Writes text that is secret. */
static void writes(struct meeting *m, struct ratchet *from, const char *text, uint8_t *envelope)
{
    uint8_t frame[RATCHET_FRAME_BYTES];
    frame_of(frame, from, m, text);
    publish_frame_form(frame, sizeof(frame));
    must_hold(ratchet_encrypt(from, frame, envelope, &m->rng) == ZG_OK, text);
}

static void a_way_and_back(struct meeting *m)
{
    envelope_bytes e;
    writes(m, m->her, "ping", e);
    reads(m, m->worker, e, "ping");
    writes(m, m->worker, "pong", e);
    reads(m, m->her, e, "pong");
}

static void out_of_order(struct meeting *m)
{
    static envelope_bytes e[4];
    for (size_t i = 0; i < 4; i++)
        writes(m, m->her, "one of four", e[i]);
    reads(m, m->worker, e[3], "one of four");
    must_be_hidden(m->worker->stored.keys[0].key, KEY_BYTES, "a key that is kept for a message that is late");
    a_way_and_back(m);
    reads(m, m->worker, e[1], "one of four");
    reads(m, m->worker, e[0], "one of four");
}

static void crossing(struct meeting *m)
{
    envelope_bytes hers, workers;
    a_way_and_back(m);
    writes(m, m->her, "hers", hers);
    reads(m, m->worker, hers, "hers");
    writes(m, m->her, "hers too", hers);
    writes(m, m->worker, "the worker's", workers);
    reads(m, m->her, workers, "the worker's");
    reads(m, m->worker, hers, "hers too");
    a_way_and_back(m);
}

static void saved(struct meeting *m)
{
    static struct snapshot s;
    snapshot_take(&s, m->worker);
    must_be_hidden(m->worker->sending.chain, KEY_BYTES, "the chain");
    ratchet_free(m->worker);
    m->worker = snapshot_revive(&s);
    must_be_hidden(m->worker->sending.chain, KEY_BYTES, "the chain that was loaded");
    a_way_and_back(m);
}

static void refused(struct meeting *m)
{
    envelope_bytes e;
    uint8_t frame[RATCHET_FRAME_BYTES];
    writes(m, m->her, "changed", e);
    e[WIRE_ENVELOPE_BYTES - 1] ^= 1;
    must_hold(hear(m, m->worker, e, frame, NULL) == ZG_ERR_FORGED, "a body that was changed");
    e[HEADER_NONCE_BYTES] ^= 1;
    must_hold(hear(m, m->worker, e, frame, NULL) == ZG_ERR_NOT_FOUND, "a header that was changed");
}

static void subject(void)
{
    struct desk *desk = secret_desk();
    struct meeting *m;
    envelope_bytes e;

    publish_form = publish_knock_form;
    m = meeting_new(desk);
    publish_form = publish_frame_form;
    writes(m, m->worker, "Hola, soy Luz.", e);
    uint8_t frame[RATCHET_FRAME_BYTES];
    must_hold(hear(m, m->her, e, frame, NULL) == ZG_OK, "she accepts");
    a_way_and_back(m);
    out_of_order(m);
    crossing(m);
    saved(m);
    refused(m);
    ratchet_expire(m->worker, MEETING_NOW + RATCHET_STORED_SECONDS);
    meeting_free(m);
    desk_free(desk);
}

int main(int argc, char **argv)
{
    return ctime_run(argc, argv, subject);
}
