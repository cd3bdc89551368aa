/* From the carrier to dispatch: handshake, records, commands. */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/kdf.h"
#include "proto/labels.h"
#include "proto/noise.h"
#include "proto/record.h"
#include "relay/core/inside.h"

/* Whoever goes on sending although it was told to pause gets no further than this. */
enum { INPUT_MAX = 4 * (WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX) };

/* More than the largest command while it comes. */
enum { HEAVY = 8192 };

enum { PROLOGUE_BYTES = 4 + sizeof(LABEL_PROLOGUE) - 1 + 2 };

/* --- bytes that wait --- */

static void weigh(struct input *in)
{
    const struct session *s = in->session;
    struct sessions *ss = &s->relay->sessions;

    if (in->held <= HEAVY)
        list_remove(&in->heavy);
    else if (list_empty(&in->heavy))
        list_append(s->known ? &ss->heavy : &ss->heavy_strangers, &in->heavy);
}

void session_count_input(struct session *s, size_t before, size_t after)
{
    struct sessions *ss = &s->relay->sessions;
    uint64_t *bytes = s->known ? &ss->input_bytes : &ss->stranger_bytes;
    *bytes += after;
    *bytes -= before;
}

static void count_input(struct session *s, size_t before, size_t after)
{
    session_count_input(s, before, after);
    s->input->held += after;
    s->input->held -= before;
    weigh(s->input);
}

static struct input *input_of(struct session *s)
{
    if (s->input != NULL)
        return s->input;
    s->input = calloc(1, sizeof(*s->input));
    if (s->input != NULL) {
        s->input->session = s;
        list_init(&s->input->heavy);
    }
    return s->input;
}

static void units_free(struct session *s)
{
    struct input *in = s->input;
    if (in->units == NULL)
        return;
    count_input(s, in->units_len, 0);
    sodium_memzero(in->units, in->units_len);
    free(in->units);
    in->units = NULL;
}

void session_input_free(struct session *s)
{
    if (s->input == NULL)
        return;
    units_free(s);
    count_input(s, s->input->cap, 0);
    free(s->input->bytes);
    free(s->input);
    s->input = NULL;
}

void session_input_known(struct session *s)
{
    struct sessions *ss = &s->relay->sessions;
    size_t held = (s->input != NULL ? s->input->held : 0) + (s->upload != NULL ? s->upload->size : 0);

    ss->stranger_bytes -= held;
    ss->input_bytes += held;
    if (s->input == NULL)
        return;
    list_remove(&s->input->heavy);
    weigh(s->input);
}

static struct input *first_heavy(const struct link *list)
{
    return list_empty(list) ? NULL : LIST_ITEM(list->next, struct input, heavy);
}

struct session *session_too_heavy(const struct relay *r)
{
    const struct sessions *ss = &r->sessions;
    const struct input *stranger = first_heavy(&ss->heavy_strangers), *known = first_heavy(&ss->heavy);

    if (stranger != NULL && ss->stranger_bytes > r->limits.input_bytes / 2)
        return stranger->session;
    return known != NULL && ss->input_bytes > r->limits.input_bytes ? known->session : NULL;
}

/* What strangers hold while they wait for their turn is bounded. Those that do not get on are cut off before
 * it comes to that, and so are those that wait with much: here, if they came with this turn. */
static bool may_hold(const struct session *s, size_t more)
{
    struct relay *r = s->relay;
    const uint64_t most = r->limits.input_bytes / 4 * 3;
    struct input *heavy;

    if (s->known)
        return true;
    while (r->sessions.stranger_bytes + more > most && s->input->held + more <= HEAVY &&
           (heavy = first_heavy(&r->sessions.heavy_strangers)) != NULL) {
        struct session *other = heavy->session;
        session_doom(other);
        session_input_free(other);
    }
    return r->sessions.stranger_bytes + more <= most;
}

static bool keep_bytes(struct session *s, const uint8_t *data, size_t len)
{
    struct input *in = input_of(s);

    if (in == NULL || len > INPUT_MAX - in->len)
        return false;
    if (len > in->cap - in->len) {
        /* The first piece is most of the time all that waits. */
        size_t cap = in->cap > 0 ? in->cap : len;
        while (cap < in->len + len)
            cap *= 2;
        if (!may_hold(s, cap - in->cap))
            return false;
        uint8_t *bytes = realloc(in->bytes, cap);
        if (bytes == NULL)
            return false;
        count_input(s, in->cap, cap);
        in->bytes = bytes;
        in->cap = cap;
    }
    memcpy(in->bytes + in->len, data, len);
    in->len += len;
    return true;
}

static bool keep_units(struct session *s, const struct reader *rest)
{
    struct input *in = input_of(s);

    if (in == NULL || !may_hold(s, rest->left))
        return false;
    in->units = malloc(rest->left);
    if (in->units == NULL)
        return false;
    memcpy(in->units, rest->at, rest->left);
    in->units_at = 0;
    in->units_len = rest->left;
    count_input(s, 0, rest->left);
    return true;
}

/* --- hello (section 2.1) --- */

static void write_limits(const struct relay *r, uint8_t out[WIRE_WELCOME_PAYLOAD_BYTES])
{
    struct writer w;
    writer_init(&w, out, WIRE_WELCOME_PAYLOAD_BYTES);
    writer_u8(&w, WIRE_VERSION);
    writer_u32(&w, (uint32_t)(r->now.utc_ms / 60000));
    writer_u8(&w, r->ttl_ceiling);
    writer_u16(&w, (uint16_t)r->settle_ms);
    writer_u16(&w, WIRE_WINDOW_MAX);
    writer_pad(&w, WIRE_WELCOME_PAYLOAD_BYTES);
    assert(!w.bad);
}

static void write_prologue(uint8_t out[PROLOGUE_BYTES])
{
    struct writer w;
    writer_init(&w, out, PROLOGUE_BYTES);
    writer_lp(&w, LABEL_PROLOGUE, sizeof(LABEL_PROLOGUE) - 1);
    writer_u8(&w, WIRE_VERSION);
    writer_u8(&w, WIRE_SUITE);
    assert(!w.bad && w.len == PROLOGUE_BYTES);
}

static bool hello(struct session *s, struct span message)
{
    struct relay *r = s->relay;
    struct noise_handshake hs;
    uint8_t prologue[PROLOGUE_BYTES], limits[WIRE_WELCOME_PAYLOAD_BYTES], nothing[NOISE_PAYLOAD_MAX];
    uint8_t reply[WIRE_RECORD_HEADER_BYTES + WIRE_WELCOME_BYTES];
    size_t len;
    bool good = false;

    session_carries(s, true);
    write_prologue(prologue);
    write_limits(r, limits);
    noise_responder_init(&hs, NOISE_NKHFS, prologue, sizeof(prologue), r->secrets->relay_sk, r->relay_pk);
    if (noise_read_message1(&hs, message.at, message.len, nothing, &len) != ZG_OK || len != 0)
        goto out;
    if (noise_write_message2(&hs, limits, sizeof(limits), reply + WIRE_RECORD_HEADER_BYTES, &r->rng) != ZG_OK)
        goto out;
    s->keys = key_slab_take(&r->sessions.keys);
    if (s->keys == NULL)
        goto out;
    noise_split(&hs, &s->keys->in, &s->keys->out);
    list_remove(&s->stalled);
    session_move(s, SESSION_OPEN);
    reply[0] = WIRE_WELCOME_BYTES >> 8;
    reply[1] = WIRE_WELCOME_BYTES & 0xff;
    session_write(s, reply, sizeof(reply));
    good = true;
out:
    noise_handshake_clear(&hs);
    return good;
}

/* --- records (section 2.2) --- */

static bool carry_out(struct session *s, struct span unit)
{
    session_carries(s, false);
    return dispatch(s, unit.at, unit.len) && !s->doomed;
}

/* Until the end, or until the session must wait. */
static bool run_units(struct session *s, struct reader *plain)
{
    struct span unit;

    while (!session_must_wait(s)) {
        switch (record_next(plain, &unit)) {
        case FRAMING_PARTIAL:
            return true;
        case FRAMING_WHOLE:
            if (!carry_out(s, unit))
                return false;
            break;
        default:
            return false;
        }
    }
    return true;
}

static bool run_held_units(struct session *s)
{
    struct input *in = s->input;
    struct reader rest;

    if (in == NULL || in->units == NULL)
        return true;
    reader_init(&rest, in->units + in->units_at, in->units_len - in->units_at);
    bool good = run_units(s, &rest);
    in->units_at = in->units_len - rest.left;
    if (good && rest.left == 0)
        units_free(s);
    return good;
}

static bool open_record(struct session *s, struct span cipher)
{
    uint8_t *plain = s->relay->sessions.scratch;
    size_t len = cipher.len - WIRE_TAG_BYTES;
    struct reader r;
    bool good = false;

    if (noise_decrypt(&s->keys->in, plain, cipher.at, cipher.len) != ZG_OK)
        goto out;
    reader_init(&r, plain, len);
    good = run_units(s, &r) && (r.left == 0 || keep_units(s, &r));
out:
    /* The secrets of queues were in it. */
    sodium_memzero(plain, len);
    return good;
}

/* The limits stand before anything is kept: a length that is not allowed ends the session at its second byte.
 */
static enum framing next_message(const struct session *s, const uint8_t *data, size_t len, struct span *body,
                                 size_t *used)
{
    enum framing framing;

    if (s->state == SESSION_HELLO)
        return framing_next(data, len, WIRE_HELLO_BYTES, WIRE_HELLO_BYTES, body, used);
    framing = framing_next(data, len, WIRE_RECORD_CONTROL_BYTES + WIRE_TAG_BYTES, WIRE_RECORD_CIPHER_MAX,
                           body, used);
    if (framing != FRAMING_BAD && len >= WIRE_RECORD_HEADER_BYTES &&
        !record_length_ok((size_t)data[0] << 8 | data[1]))
        framing = FRAMING_BAD;
    return framing;
}

/* *used: how much of data is done with. */
static bool run_bytes(struct session *s, const uint8_t *data, size_t len, size_t *used)
{
    struct span body;
    size_t one;

    *used = 0;
    while (!session_must_wait(s) && (s->input == NULL || s->input->units == NULL)) {
        enum framing framing = next_message(s, data + *used, len - *used, &body, &one);
        if (framing == FRAMING_PARTIAL)
            return true;
        if (framing == FRAMING_BAD)
            return false;
        if (!(s->state == SESSION_HELLO ? hello(s, body) : open_record(s, body)) || s->doomed)
            return false;
        *used += one;
    }
    return true;
}

static void after_input(struct session *s)
{
    if (s->input != NULL && s->input->len == 0 && s->input->units == NULL)
        session_input_free(s);
    if (session_must_wait(s))
        session_make_ready(s);
    session_stalls(s);
}

bool session_carry_on(struct session *s)
{
    struct input *in = s->input;
    size_t used = 0;

    if (s->doomed || !run_held_units(s))
        return false;
    if (in != NULL && in->len > 0) {
        if (!run_bytes(s, in->bytes, in->len, &used))
            return false;
        memmove(in->bytes, in->bytes + used, in->len - used);
        in->len -= used;
    }
    after_input(s);
    return true;
}

static bool take_bytes(struct session *s, const uint8_t *data, size_t len)
{
    size_t used = 0;

    if (s->doomed)
        return false;
    if (s->input != NULL)
        return keep_bytes(s, data, len) && (!list_empty(&s->ready) || session_carry_on(s));
    if (!run_bytes(s, data, len, &used))
        return false;
    if (used < len && !keep_bytes(s, data + used, len - used))
        return false;
    after_input(s);
    return true;
}

bool session_receive(struct session *s, const uint8_t *data, size_t len, struct now now)
{
    struct relay *r = s->relay;

    relay_set_now(r, now);
    if (r->draining || take_bytes(s, data, len))
        return true;
    session_end(s, true);
    return false;
}
