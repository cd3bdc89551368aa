#include "tests/unit/client/meeting.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/seal.h"

void must(zg_err err, const char *file, int line)
{
    if (err == ZG_OK)
        return;
    fprintf(stderr, "%s:%d: %s\n", file, line, zg_err_name(err));
    abort();
}

static void *allocate(size_t size)
{
    void *p = calloc(1, size);
    if (p == NULL)
        abort();
    return p;
}

/* --- desk --- */

void desk_hire(struct desk *d, struct worker *w, const char *alias)
{
    sign_key_new(&w->sign, &d->rng);
    rng_fill(&d->rng, w->dh_sk, sizeof(w->dh_sk));
    struct credential *c = &w->credential;
    memset(c, 0, sizeof(*c));
    c->role = CREDENTIAL_WORKER;
    strcpy(c->alias, alias);
    memcpy(c->desk_id, d->notice.desk_id, sizeof(c->desk_id));
    c->serial = 1;
    memcpy(c->sign_pk, w->sign.pk, sizeof(c->sign_pk));
    if (crypto_scalarmult_curve25519_base(c->dh_pk, w->dh_sk) != 0)
        abort();
    c->validity = validity_from(MEETING_NOW, CREDENTIAL_VALIDITY_S);
    MUST(credential_make(w->encoded, &w->encoded_len, c, &d->issuing));
}

static void make_certificates(struct desk *d)
{
    struct issuing_certificate issuing = {.validity = validity_from(MEETING_NOW, ISSUING_VALIDITY_S)};
    memcpy(issuing.issuing_pk, d->issuing.pk, sizeof(issuing.issuing_pk));
    issuing_certificate_make(d->keys.issuing_certificate, &issuing, &d->root);

    struct desk_certificate desk = {.generation = 1, .validity = validity_from(MEETING_NOW, DESK_VALIDITY_S)};
    memcpy(desk.desk_id, d->notice.desk_id, sizeof(desk.desk_id));
    memcpy(desk.publishing_pk, d->publishing.pk, sizeof(desk.publishing_pk));
    desk_certificate_make(d->keys.desk_certificate, &desk, &d->issuing);
}

static void make_intake(struct desk *d)
{
    uint8_t seed[32];
    rng_fill(&d->rng, seed, sizeof(seed));
    if (crypto_kem_xwing_seed_keypair(d->keys.intake_pk, d->epoch.intake_sk, seed) != 0)
        abort();
    rng_fill(&d->rng, seed, sizeof(seed));
    if (crypto_kem_xwing_seed_keypair(d->keys.last_resort_pk, d->epoch.last_resort_sk, seed) != 0)
        abort();
    d->keys.intake_validity = validity_from(MEETING_NOW, INTAKE_VALIDITY_S);
    d->keys.last_resort_validity = validity_from(MEETING_NOW, LAST_RESORT_VALIDITY_S);
    d->keys.epoch = 7;
    d->epoch.epoch = 7;
}

static void make_notice(struct desk *d)
{
    d->notice.written_s = MEETING_NOW;
    d->notice.state = DESK_ON_DUTY;
    d->notice.count = 2;
    strcpy(d->notice.texts[0].language, "es");
    strcpy(d->notice.texts[0].text, "Lunes a viernes, de 10 a 18. Tambi\xc3\xa9n s\xc3\xa1"
                                    "bados.");
    strcpy(d->notice.texts[1].language, "en");
    strcpy(d->notice.texts[1].text, "Monday to Friday, 10 to 18.");
}

static void make_card(struct desk *d)
{
    struct secret read;
    d->card.count = 1;
    strcpy(d->card.address[0], "relay.example:7117");
    rng_fill(&d->rng, d->card.relay_pk, sizeof(d->card.relay_pk));
    rng_fill(&d->rng, d->card.card_key, sizeof(d->card.card_key));
    organisation_hash(d->card.organisation, d->root.pk);
    card_secrets(&d->card, &read, d->bundle_key);
}

void desk_publish(struct desk *d)
{
    MUST(bundle_make(d->sealed, &d->sealed_len, d->epoch.key_part_hash, &d->keys, &d->notice, &d->publishing,
                     d->bundle_key, &d->rng));
    MUST(bundle_open(&d->bundle, d->sealed, d->sealed_len, d->bundle_key, d->card.organisation, MEETING_NOW));
}

struct desk *desk_new(uint64_t seed)
{
    if (sodium_init() < 0)
        abort();
    struct desk *d = allocate(sizeof(*d));
    d->rng = rng_seeded(&d->seed, seed);
    sign_key_new(&d->root, &d->rng);
    sign_key_new(&d->issuing, &d->rng);
    sign_key_new(&d->publishing, &d->rng);
    memcpy(d->keys.root_pk, d->root.pk, sizeof(d->keys.root_pk));
    rng_fill(&d->rng, d->notice.desk_id, sizeof(d->notice.desk_id));
    rng_fill(&d->rng, d->keys.put.b, sizeof(d->keys.put.b));
    make_certificates(d);
    make_intake(d);
    make_notice(d);
    make_card(d);
    desk_hire(d, &d->worker, "Luz");
    desk_publish(d);
    return d;
}

void desk_free(struct desk *d)
{
    free(d);
}

/* --- meeting --- */

struct meeting *meeting_new(struct desk *d)
{
    static const char hello[] = "Hola, necesito hablar con alguien.";
    struct meeting *m = allocate(sizeof(*m));
    m->desk = d;
    m->rng = d->rng;

    struct knock_input knock = {.bundle = &d->bundle, .now_s = MEETING_NOW};
    knock.content = (struct span){(const uint8_t *)hello, sizeof(hello) - 1};
    rng_fill(&m->rng, knock.put.b, sizeof(knock.put.b));
    rng_fill(&m->rng, knock.end.b, sizeof(knock.end.b));
    MUST(knock_make(&m->knock, &knock, &m->rng));
    MUST(knock_open(&m->opened, m->knock.envelope, &d->bundle.trust, &d->epoch));

    struct accept_input accept = {.knock = &m->opened, .dh_sk = d->worker.dh_sk};
    accept.credential = (struct span){d->worker.encoded, d->worker.encoded_len};
    rng_fill(&m->rng, accept.put.b, sizeof(accept.put.b));
    rng_fill(&m->rng, accept.end.b, sizeof(accept.end.b));
    MUST(accept_make(&m->accept, &accept, &m->rng));

    m->context.trust = &d->bundle.trust;
    m->context.knocked_s = MEETING_NOW;
    m->context.now_s = MEETING_NOW;
    m->context.th1 = m->knock.th1;
    m->context.ek_p_sk = m->knock.ek_p_sk;
    m->her = m->knock.ratchet;
    m->worker = m->accept.ratchet;
    return m;
}

struct meeting *meeting_agreed(struct desk *d)
{
    struct meeting *m = meeting_new(d);
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t frame[RATCHET_FRAME_BYTES];
    say(m, m->worker, "Hola, soy Luz.", envelope);
    MUST(hear(m, m->her, envelope, frame, NULL));
    return m;
}

void meeting_free(struct meeting *m)
{
    if (m == NULL)
        return;
    m->knock.ratchet = m->her;
    m->accept.ratchet = m->worker;
    knock_output_clear(&m->knock);
    knock_opened_clear(&m->opened);
    accept_output_clear(&m->accept);
    free(m);
}

void frame_of(uint8_t out[RATCHET_FRAME_BYTES], const struct ratchet *from, const struct meeting *m,
              const char *text)
{
    struct frame f = {.content = {(const uint8_t *)text, strlen(text) + 1}};
    if (m != NULL && ratchet_sends_accept(from))
        f.accept = (struct span){m->accept.block, m->accept.block_len};
    MUST(frame_write(&f, out));
}

const char *text_of(const uint8_t frame[RATCHET_FRAME_BYTES])
{
    struct frame f;
    MUST(frame_read(&f, frame));
    return (const char *)f.content.at;
}

void say(struct meeting *m, struct ratchet *from, const char *text, uint8_t envelope[WIRE_ENVELOPE_BYTES])
{
    uint8_t frame[RATCHET_FRAME_BYTES];
    frame_of(frame, from, m, text);
    MUST(ratchet_encrypt(from, frame, envelope, &m->rng));
}

zg_err hear(struct meeting *m, struct ratchet *to, const uint8_t envelope[WIRE_ENVELOPE_BYTES],
            uint8_t frame[RATCHET_FRAME_BYTES], struct ratchet_info *info)
{
    return ratchet_decrypt(to, envelope, MEETING_NOW, accept_check, &m->context, frame, info);
}

/* --- a peer that lies --- */

void header_of(uint8_t out[HEADER_BYTES], const struct ratchet *r)
{
    struct writer w;
    const struct sending *s = &r->sending;
    writer_init(&w, out, HEADER_BYTES);
    writer_put(&w, &s->public, sizeof(s->public));
    writer_put(&w, s->answers, sizeof(s->answers));
    writer_u32(&w, s->step);
    writer_u32(&w, s->pn);
    writer_u32(&w, s->n);
}

void envelope_forge(uint8_t out[WIRE_ENVELOPE_BYTES], const struct ratchet *r,
                    const uint8_t header[HEADER_BYTES], const uint8_t key[KEY_BYTES],
                    const uint8_t frame[RATCHET_FRAME_BYTES], const struct rng *rng)
{
    uint8_t ad1[HEADER_AD_BYTES];
    uint8_t ad2[BODY_AD_BYTES];
    struct reader in;
    reader_init(&in, header + HEADER_BYTES - 12, 4);

    header_ad(ad1, r, r->side);
    rng_fill(rng, out, HEADER_NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + HEADER_NONCE_BYTES, NULL, header, HEADER_BYTES, ad1,
                                               sizeof(ad1), NULL, out, r->sending.hk);
    body_ad(ad2, r, r->side, reader_u32(&in));
    const struct span ads[] = {SPAN_OF(ad2), {out, BODY_AT}};
    seal(out + BODY_AT, key, ads, 2, frame, RATCHET_FRAME_BYTES, rng);
}

/* --- snapshots --- */

void snapshot_take(struct snapshot *s, const struct ratchet *r)
{
    struct writer w;
    writer_init(&w, s->bytes, sizeof(s->bytes));
    ratchet_save(r, &w);
    if (w.bad || w.len != ratchet_saved_bytes(r))
        abort();
    s->len = w.len;
}

struct ratchet *snapshot_revive(const struct snapshot *s)
{
    struct ratchet *r;
    MUST(ratchet_load(&r, (struct span){s->bytes, s->len}));
    return r;
}

bool snapshot_same(const struct snapshot *a, const struct snapshot *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}
