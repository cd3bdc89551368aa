/*
 * What a peer may send behind the authentication: frames, contents, headers, accept blocks, saved states, and
 * the order in which envelopes come. The first byte says which. Whatever is refused leaves the state byte for
 * byte as before.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/content.h"
#include "tests/unit/client/meeting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind { FRAME, CONTENT, HEADER, BLOCK, ORDER, STATE, KINDS };

static struct desk *desk;
static struct snapshot her_saved;    /* agreed, some messages on each side */
static struct snapshot worker_saved; /* the same conversation */
static struct meeting *fresh;        /* not yet accepted */
static struct snapshot fresh_saved;  /* her side of that */
static struct meeting *talk;

static void check(int ok)
{
    if (!ok)
        abort();
}

static void prepare(void)
{
    uint8_t e[WIRE_ENVELOPE_BYTES];
    uint8_t frame[RATCHET_FRAME_BYTES];
    if (desk != NULL)
        return;
    desk = desk_new(12);
    fresh = meeting_new(desk);
    snapshot_take(&fresh_saved, fresh->her);
    talk = meeting_agreed(desk);
    for (int i = 0; i < 6; i++) {
        struct ratchet *from = i % 2 == 0 ? talk->her : talk->worker;
        struct ratchet *to = i % 2 == 0 ? talk->worker : talk->her;
        say(talk, from, "lost", e);
        say(talk, from, "read", e);
        MUST(hear(talk, to, e, frame, NULL));
    }
    say(talk, talk->her, "under way", e);
    snapshot_take(&her_saved, talk->her);
    snapshot_take(&worker_saved, talk->worker);
}

static void revive(void)
{
    ratchet_free(talk->her);
    ratchet_free(talk->worker);
    talk->her = snapshot_revive(&her_saved);
    talk->worker = snapshot_revive(&worker_saved);
}

/* Decrypts at `to`; what is refused changes nothing. */
static zg_err receive(struct meeting *m, struct ratchet *to, const uint8_t *envelope, uint8_t *frame)
{
    static struct snapshot before;
    static struct snapshot after;
    snapshot_take(&before, to);
    zg_err err = hear(m, to, envelope, frame, NULL);
    snapshot_take(&after, to);
    check(snapshot_same(&before, &after) == (err != ZG_OK));
    return err;
}

/* Through its bytes and back. */
static void round_trip(const struct ratchet *r)
{
    static struct snapshot one;
    static struct snapshot two;
    snapshot_take(&one, r);
    struct ratchet *again = snapshot_revive(&one);
    snapshot_take(&two, again);
    check(snapshot_same(&one, &two));
    ratchet_free(again);
}

/* --- contents --- */

static void try_content(const uint8_t *data, size_t size)
{
    struct content c;
    uint8_t again[RATCHET_FRAME_BYTES * 3];
    struct writer w;
    if (content_read(&c, (struct span){data, size}) != ZG_OK)
        return;
    check(c.part < c.parts && c.parts <= CONTENT_PARTS_MAX);
    check(c.lifetime_s >= 1 && c.lifetime_s <= CONTENT_LIFETIME_MAX_S);
    writer_init(&w, again, sizeof(again));
    if (size <= sizeof(again)) {
        check(content_write(&c, &w) == ZG_OK);
        check(w.len == size && memcmp(again, data, size) == 0);
    }
    (void)content_utf8_ok(c.body.at, c.body.len);
    for (size_t at = 0; at < c.body.len;) {
        size_t n = content_cut(c.body.at + at, c.body.len - at, 16);
        check(n > 0 && n <= 16);
        at += n;
    }
}

/* --- frames --- */

static void try_frame(const uint8_t *data, size_t size)
{
    uint8_t in[RATCHET_FRAME_BYTES] = {0};
    uint8_t out[RATCHET_FRAME_BYTES];
    uint8_t e[WIRE_ENVELOPE_BYTES];
    struct frame f;
    memcpy(in, data, size < sizeof(in) ? size : sizeof(in));
    revive();
    MUST(ratchet_encrypt(talk->her, in, e, &talk->rng));
    check(receive(talk, talk->worker, e, out) == ZG_OK);
    check(memcmp(in, out, sizeof(in)) == 0);
    if (frame_read(&f, out) != ZG_OK)
        return;
    MUST(frame_write(&f, in));
    check(memcmp(in, out, sizeof(in)) == 0);
    try_content(f.content.at, f.content.len);
}

/* Her accept check on a frame of the worker's step 1. */
static void try_block(const uint8_t *data, size_t size)
{
    uint8_t frame[RATCHET_FRAME_BYTES] = {0};
    uint8_t e[WIRE_ENVELOPE_BYTES];
    if (size < 1)
        return;
    if (data[0] % 2 == 0) { /* changes to a good one: u16 where, u8 what */
        struct frame f = {.accept = {fresh->accept.block, fresh->accept.block_len}};
        struct reader r;
        MUST(frame_write(&f, frame));
        reader_init(&r, data + 1, size - 1);
        while (r.left >= 3) {
            size_t at = reader_u16(&r);
            frame[at % sizeof(frame)] ^= reader_u8(&r);
        }
    } else {
        memcpy(frame, data + 1, size - 1 < sizeof(frame) ? size - 1 : sizeof(frame));
    }
    MUST(ratchet_encrypt(fresh->worker, frame, e, &fresh->rng));
    ratchet_free(fresh->her);
    fresh->her = snapshot_revive(&fresh_saved);
    receive(fresh, fresh->her, e, frame);
}

/* --- headers: changes to a good one (u16 where, u8 what), under the right message key or another --- */

static void try_header(const uint8_t *data, size_t size)
{
    uint8_t header[HEADER_BYTES];
    uint8_t key[KEY_BYTES] = {0};
    uint8_t chain[KEY_BYTES];
    uint8_t frame[RATCHET_FRAME_BYTES] = {0};
    uint8_t e[WIRE_ENVELOPE_BYTES];
    struct reader r;
    if (size < 1)
        return;
    revive();
    struct ratchet *from = data[0] & 1 ? talk->her : talk->worker;
    struct ratchet *to = data[0] & 1 ? talk->worker : talk->her;
    if (data[0] & 2) { /* of a new step */
        from->due = true;
        MUST(ratchet_encrypt(from, frame, e, &talk->rng));
        from->sending.n = 0;
    }
    if (data[0] & 4) {
        memcpy(chain, from->sending.chain, sizeof(chain));
        chain_next(chain, key);
    }
    header_of(header, from);
    reader_init(&r, data + 1, size - 1);
    while (r.left >= 3) {
        size_t at = reader_u16(&r);
        /* The numbers at the end are what matters most. */
        at = at & 0x8000 ? sizeof(header) - 1 - at % 28 : at % sizeof(header);
        header[at] ^= reader_u8(&r);
    }
    envelope_forge(e, from, header, key, frame, &talk->rng);
    receive(talk, to, e, frame);
    round_trip(to);
    /* It goes on, whatever it took. */
    frame_of(frame, to, NULL, "next");
    (void)!ratchet_encrypt(to, frame, e, &talk->rng);
}

/* --- order: each byte is an event --- */

enum { UNDER_WAY = 8 };

struct wire {
    uint8_t envelopes[UNDER_WAY][WIRE_ENVELOPE_BYTES];
    char texts[UNDER_WAY][16];
    bool read[UNDER_WAY];
    uint32_t sent;
};

static void send(struct ratchet *from, struct wire *w)
{
    uint32_t slot = w->sent % UNDER_WAY;
    snprintf(w->texts[slot], sizeof(w->texts[slot]), "m%u", w->sent++);
    w->read[slot] = false;
    say(talk, from, w->texts[slot], w->envelopes[slot]);
}

static void deliver(struct ratchet *to, struct wire *w, uint32_t slot, uint8_t damage)
{
    uint8_t e[WIRE_ENVELOPE_BYTES];
    uint8_t frame[RATCHET_FRAME_BYTES];
    if (slot >= w->sent)
        return;
    memcpy(e, w->envelopes[slot], sizeof(e));
    if (damage != 0)
        e[(size_t)damage * 16] ^= damage;
    if (receive(talk, to, e, frame) != ZG_OK)
        return;
    check(damage == 0 && !w->read[slot]);
    check(strcmp(text_of(frame), w->texts[slot]) == 0);
    w->read[slot] = true;
}

static void try_order(const uint8_t *data, size_t size)
{
    static struct wire to_worker;
    static struct wire to_her;
    memset(&to_worker, 0, sizeof(to_worker));
    memset(&to_her, 0, sizeof(to_her));
    revive();
    for (size_t i = 0; i < size && i < 64; i++) {
        const uint32_t slot = data[i] >> 3 & 7;
        const uint8_t damage = data[i] & 0xc0;
        switch (data[i] & 7) {
        case 0:
        case 1:
            send(talk->her, &to_worker);
            break;
        case 2:
            talk->worker->due = true; /* a hand-over */
            /* fallthrough */
        case 3:
            send(talk->worker, &to_her);
            break;
        case 4:
        case 5:
            deliver(talk->worker, &to_worker, slot, damage);
            break;
        default:
            deliver(talk->her, &to_her, slot, damage);
        }
    }
    round_trip(talk->her);
    round_trip(talk->worker);
    /* What is said now arrives: from the worker first, whose step wins. */
    static struct wire last;
    memset(&last, 0, sizeof(last));
    send(talk->worker, &last);
    deliver(talk->her, &last, 0, 0);
    check(last.read[0]);
    memset(&last, 0, sizeof(last));
    send(talk->her, &last);
    deliver(talk->worker, &last, 0, 0);
    check(last.read[0]);
}

/* --- saved states: changes to a good one (u16 where, u8 what) --- */

/* Where a saved state says what is there and how much. */
static size_t count_at(const struct snapshot *s, size_t which)
{
    const struct stored *stored = &talk->worker->stored;
    const size_t keys_at = s->len - stored->count * (size_t)(16 + KEY_BYTES) - 2;
    const size_t at[] = {0, 1, 2, keys_at, keys_at + 1, keys_at - stored->groups_count * (size_t)52 - 1};
    return at[which % 6];
}

static void try_state(const uint8_t *data, size_t size)
{
    static struct snapshot s;
    static struct snapshot again;
    struct ratchet *r;
    struct reader in;
    revive();
    s = worker_saved;
    reader_init(&in, data, size);
    while (in.left >= 3) {
        size_t at = reader_u16(&in);
        at = at & 0x8000 ? count_at(&worker_saved, at & 0xff) : at % s.len;
        s.bytes[at] ^= reader_u8(&in);
    }
    /* Cut off, or with more behind it. */
    size_t len = in.left == 1 ? s.len - 1 : in.left == 2 ? sizeof(s.bytes) : s.len;
    if (ratchet_load(&r, (struct span){s.bytes, len}) != ZG_OK)
        return;
    snapshot_take(&again, r);
    check(len == again.len && memcmp(s.bytes, again.bytes, len) == 0);
    ratchet_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[KINDS])(const uint8_t *, size_t) = {
        [FRAME] = try_frame, [CONTENT] = try_content, [HEADER] = try_header,
        [BLOCK] = try_block, [ORDER] = try_order,     [STATE] = try_state,
    };
    if (size == 0)
        return 0;
    prepare();
    tries[data[0] % KINDS](data + 1, size - 1);
    return 0;
}
