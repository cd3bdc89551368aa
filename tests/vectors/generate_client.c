/*
 * Writes the vectors of sections 5 to 7 into a folder: generate_client <folder>. Everything comes from a
 * fixed seed. The values between (secrets, roots, chains) are written as well, so that check_client.py can
 * compute each step from other code.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/safety.h"
#include "tests/unit/client/meeting.h"

static void ok(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "generate_client: %s\n", what);
    exit(1);
}

static FILE *create(const char *folder, const char *name, const char *comment)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    ok(out != NULL, path);
    fprintf(out, "# %s\n# Written by tests/vectors/generate_client.c.\n\n", comment);
    return out;
}

static void finish(FILE *out)
{
    ok(fclose(out) == 0, "cannot write");
}

#define BYTES(out, name, array) vector_write_bytes(out, name, (const uint8_t *)(array), sizeof(array))

/* --- card --- */

static void write_card(FILE *out, const struct card *c, const char *prefix)
{
    char text[CARD_TEXT_BYTES_MAX];
    struct secret read;
    uint8_t key[32];
    MUST(card_text(c, prefix, text, sizeof(text)));
    card_secrets(c, &read, key);
    vector_write_text(out, "result", "ok");
    vector_write_text(out, "text", text);
    vector_write_uint(out, "count", c->count);
    vector_write_text(out, "address0", c->address[0]);
    if (c->count == 2)
        vector_write_text(out, "address1", c->address[1]);
    BYTES(out, "relay_pk", c->relay_pk);
    BYTES(out, "card_key", c->card_key);
    BYTES(out, "organisation", c->organisation);
    BYTES(out, "read_secret", read.b);
    BYTES(out, "bundle_key", key);
    vector_write_end(out);
}

static void write_bad_card(FILE *out, const char *text)
{
    struct card c;
    zg_err err = card_parse(&c, text, strlen(text));
    ok(err != ZG_OK, "a bad card was taken");
    vector_write_text(out, "result", zg_err_name(err));
    vector_write_text(out, "text", text);
    vector_write_end(out);
}

static void write_cards(const char *folder, const struct desk *d)
{
    FILE *out = create(folder, "card.txt", "Contact cards as text, section 5.1.");
    struct card c = d->card;
    char text[CARD_TEXT_BYTES_MAX];
    write_card(out, &c, "zaguan:");
    write_card(out, &c, "https://help.example/#");
    c.count = 2;
    strcpy(c.address[0], "[2001:db8::1]:7117");
    strcpy(c.address[1], "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstuvwx.onion:80");
    write_card(out, &c, "zaguan:");

    MUST(card_text(&d->card, "zaguan:", text, sizeof(text)));
    const size_t len = strlen(text);
    text[len - 1] = '\0';
    write_bad_card(out, text);
    text[40] = '\0';
    write_bad_card(out, text);
    MUST(card_text(&d->card, "zaguan:", text, sizeof(text)));
    text[60] = text[60] == 'A' ? 'B' : 'A';
    write_bad_card(out, text);
    MUST(card_text(&d->card, "zaguan:", text, sizeof(text)));
    strcat(text, "AAAA");
    write_bad_card(out, text);
    MUST(card_text(&d->card, "http://help.example/#", text, sizeof(text)));
    write_bad_card(out, text);
    write_bad_card(out, "zaguan:AgEBBWE6MTIzNA");
    finish(out);
}

/* --- bundle --- */

static void write_bundle(FILE *out, const struct desk *d, const uint8_t organisation[32], uint64_t now_s)
{
    struct bundle *b = calloc(1, sizeof(*b));
    ok(b != NULL, "memory");
    zg_err err = bundle_open(b, d->sealed, d->sealed_len, d->bundle_key, organisation, now_s);
    vector_write_text(out, "result", zg_err_name(err));
    vector_write_bytes(out, "organisation", organisation, 32);
    BYTES(out, "bundle_key", d->bundle_key);
    vector_write_uint(out, "now", now_s);
    vector_write_bytes(out, "sealed", d->sealed, d->sealed_len);
    if (err == ZG_OK) {
        BYTES(out, "root_pk", b->trust.root_pk);
        BYTES(out, "issuing_pk", b->trust.issuing_pk);
        BYTES(out, "desk_id", b->trust.desk_id);
        BYTES(out, "key_part_hash", b->key_part_hash);
        vector_write_uint(out, "epoch", b->keys.epoch);
        BYTES(out, "put", b->keys.put.b);
        BYTES(out, "intake_pk", b->keys.intake_pk);
        vector_write_uint(out, "intake_until", b->keys.intake_validity.until);
        BYTES(out, "last_resort_pk", b->keys.last_resort_pk);
        vector_write_uint(out, "last_resort_until", b->keys.last_resort_validity.until);
        vector_write_uint(out, "state", b->notice.state);
        vector_write_uint(out, "written", b->notice.written_s);
        vector_write_text(out, "language0", b->notice.texts[0].language);
        vector_write_bytes(out, "text0", (const uint8_t *)b->notice.texts[0].text,
                           strlen(b->notice.texts[0].text));
    }
    vector_write_end(out);
    free(b);
}

static void write_bundles(const char *folder, const struct desk *d)
{
    FILE *out = create(folder, "bundle.txt", "Sealed bundles, section 5.2.");
    uint8_t other[32];
    memset(other, 0x42, sizeof(other));
    write_bundle(out, d, d->card.organisation, MEETING_NOW);
    write_bundle(out, d, other, MEETING_NOW);
    write_bundle(out, d, d->card.organisation, MEETING_NOW + ISSUING_VALIDITY_S);
    finish(out);
}

/* --- knock --- */

static void write_knock(const char *folder, const struct meeting *m)
{
    FILE *out = create(folder, "knock.txt", "A knock, section 6. ss is the shared secret of X-Wing.");
    const struct desk *d = m->desk;
    uint8_t ss[32];
    ok(crypto_kem_xwing_dec(ss, m->knock.envelope + 5, d->epoch.intake_sk) == 0, "X-Wing");
    BYTES(out, "root_pk", d->bundle.trust.root_pk);
    BYTES(out, "desk_id", d->bundle.trust.desk_id);
    vector_write_uint(out, "epoch", d->epoch.epoch);
    BYTES(out, "key_part_hash", d->epoch.key_part_hash);
    BYTES(out, "intake_sk", d->epoch.intake_sk);
    BYTES(out, "envelope", m->knock.envelope);
    BYTES(out, "ss", ss);
    BYTES(out, "th1", m->knock.th1);
    BYTES(out, "root", m->opened.start.root);
    BYTES(out, "hk", m->opened.start.hk);
    BYTES(out, "nhk", m->opened.start.nhk);
    BYTES(out, "ek_p_sk", m->knock.ek_p_sk);
    BYTES(out, "ek_p_pk", m->opened.dh);
    BYTES(out, "ek_p_kem", m->opened.ek);
    BYTES(out, "put", m->opened.put.b);
    BYTES(out, "end", m->opened.end.b);
    BYTES(out, "nonce_p", m->knock.nonce);
    BYTES(out, "commitment", m->opened.commitment);
    vector_write_bytes(out, "content", m->opened.content, m->opened.content_len);
    vector_write_end(out);
    finish(out);
}

/* --- steps and messages --- */

static const char *name_of(const struct meeting *m, const struct ratchet *r)
{
    return r == m->her ? "her" : "worker";
}

/* ss of r's newest step, by the step of the other side that it answers. */
static void kem_ss(uint8_t ss[32], const struct ratchet *r, const struct ratchet *peer)
{
    for (uint32_t i = 0; i < peer->own_count; i++) {
        if (memcmp(peer->own[i].id, r->sending.answers, RATCHET_ID_BYTES) != 0)
            continue;
        ok(crypto_kem_mlkem768_dec(ss, r->sending.public.ct, peer->own[i].dk) == 0, "ML-KEM");
        return;
    }
    ok(false, "a step that answers nothing");
}

/* The newest own step of r, as it was made (chain at its head). */
static void write_step(FILE *out, const struct meeting *m, const struct ratchet *r)
{
    uint8_t ss[32];
    const struct own_step *s = &r->own[0];
    kem_ss(ss, r, r == m->her ? m->worker : m->her);
    vector_write_uint(out, "step_number", r->sending.step);
    BYTES(out, "id", s->id);
    BYTES(out, "answers", r->sending.answers);
    BYTES(out, "dh_sk", s->dh_sk);
    BYTES(out, "dh", s->dh_pk);
    BYTES(out, "ek", r->sending.public.ek);
    BYTES(out, "ct", r->sending.public.ct);
    BYTES(out, "ss", ss);
    BYTES(out, "hk", r->sending.hk);
    BYTES(out, "root", s->root); /* of step 1: after the accept's mix */
    BYTES(out, "nhk", s->nhk);
}

enum { SAID_MAX = 16 };

struct script {
    struct meeting *m;
    FILE *out;
    uint32_t count;
    struct {
        uint8_t envelope[WIRE_ENVELOPE_BYTES];
        struct ratchet *to;
    } said[SAID_MAX];
};

/* Passes randomness on and keeps what it was. */
struct recorder {
    struct rng from;
    uint8_t bytes[512];
    size_t len;
};

static void fill_recorded(void *ctx, void *out, size_t len)
{
    struct recorder *r = ctx;
    ok(len <= sizeof(r->bytes) - r->len, "more randomness than expected");
    rng_fill(&r->from, out, len);
    memcpy(r->bytes + r->len, out, len);
    r->len += len;
}

/* Says text. With the randomness given, who holds the state can make the same envelope. Returns its number.
 */
static uint32_t speak(struct script *s, struct ratchet *from, const char *text)
{
    struct meeting *m = s->m;
    struct recorder recorder = {.from = m->rng};
    const struct rng rng = {fill_recorded, &recorder};
    const uint32_t before = from->sending.step;
    const uint32_t number = s->count++;
    uint8_t frame[RATCHET_FRAME_BYTES];

    ok(number < SAID_MAX, "too much is said");
    frame_of(frame, from, m, text);
    const bool hand_over = from->due && from == m->worker && from->own_count > 1;
    MUST(ratchet_encrypt(from, frame, s->said[number].envelope, &rng));
    s->said[number].to = from == m->her ? m->worker : m->her;

    vector_write_text(s->out, "kind", "send");
    vector_write_uint(s->out, "number", number);
    vector_write_text(s->out, "from", name_of(m, from));
    vector_write_uint(s->out, "hand_over", hand_over);
    vector_write_text(s->out, "text", text);
    vector_write_bytes(s->out, "random", recorder.bytes, recorder.len);
    vector_write_uint(s->out, "pn", from->sending.pn);
    BYTES(s->out, "envelope", s->said[number].envelope);
    if (from->sending.step != before)
        write_step(s->out, m, from);
    vector_write_end(s->out);
    return number;
}

/* What the receiver makes of it. */
static void arrive(struct script *s, uint32_t number)
{
    uint8_t frame[RATCHET_FRAME_BYTES];
    struct ratchet_info info;
    zg_err err = hear(s->m, s->said[number].to, s->said[number].envelope, frame, &info);
    vector_write_text(s->out, "kind", "arrive");
    vector_write_uint(s->out, "number", number);
    vector_write_text(s->out, "result", zg_err_name(err));
    if (err == ZG_OK) {
        vector_write_uint(s->out, "step", info.step);
        vector_write_uint(s->out, "n", info.n);
    }
    vector_write_end(s->out);
}

static void write_state(FILE *out, const char *name, const struct ratchet *r)
{
    static struct snapshot s;
    snapshot_take(&s, r);
    vector_write_bytes(out, name, s.bytes, s.len);
}

static void write_accept(const char *folder, struct meeting *m)
{
    FILE *out = create(folder, "accept.txt",
                       "An accept of the knock in knock.txt, section 6; then the safety words, 6.1.");
    const struct desk *d = m->desk;
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t frame[RATCHET_FRAME_BYTES];
    uint8_t dhi[32];
    uint8_t words[SAFETY_WORDS];
    char text[64];

    ok(crypto_scalarmult_curve25519(dhi, d->worker.dh_sk, m->opened.dh) == 0, "DHI");
    BYTES(out, "issuing_pk", d->issuing.pk);
    BYTES(out, "desk_id", d->bundle.trust.desk_id);
    vector_write_uint(out, "now", MEETING_NOW);
    BYTES(out, "th1", m->knock.th1);
    BYTES(out, "ek_p_sk", m->knock.ek_p_sk);
    BYTES(out, "ik_w_sk", d->worker.dh_sk);
    vector_write_bytes(out, "credential", d->worker.encoded, d->worker.encoded_len);
    vector_write_bytes(out, "block", m->accept.block, m->accept.block_len);
    BYTES(out, "dhi", dhi);
    BYTES(out, "th2", m->accept.th2);
    BYTES(out, "nonce_p", m->knock.nonce);
    BYTES(out, "nonce_w", m->accept.nonce);
    write_step(out, m, m->worker);
    write_state(out, "her", m->her);
    say(m, m->worker, "Hola, soy Luz. Te leo.", envelope);
    BYTES(out, "envelope", envelope);
    MUST(hear(m, m->her, envelope, frame, NULL));
    vector_write_text(out, "text", text_of(frame));
    BYTES(out, "her_root0", m->her->own[0].root); /* her step 0 after the mix */
    safety_words(words, m->accept.th2, m->knock.nonce, m->accept.nonce);
    BYTES(out, "words", words);
    for (int language = WORDS_EN; language < WORDS_LANGUAGES; language++) {
        static const char *const names[] = {"words_en", "words_es", "words_fr"};
        const enum words_language l = (enum words_language)language;
        snprintf(text, sizeof(text), "%s %s %s %s", safety_word(l, words[0]), safety_word(l, words[1]),
                 safety_word(l, words[2]), safety_word(l, words[3]));
        vector_write_text(out, names[language], text);
    }
    vector_write_end(out);
    finish(out);
}

/* A gap, a step with its PN, a hand-over that crosses, a duplicate. */
static void write_ratchet(const char *folder, struct meeting *m)
{
    struct script *s = calloc(1, sizeof(*s));
    ok(s != NULL, "memory");
    s->m = m;
    s->out = create(
        folder, "ratchet.txt",
        "The conversation of accept.txt goes on, section 7: what is sent, and what arrives in which order.");
    vector_write_text(s->out, "kind", "start");
    BYTES(s->out, "th1", m->knock.th1);
    BYTES(s->out, "th2", m->accept.th2);
    write_state(s->out, "her", m->her);
    write_state(s->out, "worker", m->worker);
    vector_write_end(s->out);

    uint32_t first = speak(s, m->her, "uno");
    uint32_t late = speak(s, m->her, "dos");
    arrive(s, speak(s, m->her, "tres"));
    arrive(s, first);
    arrive(s, first);
    arrive(s, speak(s, m->worker, "one"));
    uint32_t crossing = speak(s, m->her, "cuatro, cruzado");
    m->worker->due = true; /* a hand-over */
    arrive(s, speak(s, m->worker, "a colleague"));
    arrive(s, crossing);
    arrive(s, late);
    arrive(s, speak(s, m->her, "cinco"));
    arrive(s, speak(s, m->worker, "two"));
    arrive(s, speak(s, m->her, "fin"));

    vector_write_text(s->out, "kind", "end");
    write_state(s->out, "her", m->her);
    write_state(s->out, "worker", m->worker);
    vector_write_end(s->out);
    finish(s->out);
    free(s);
}

int main(int argc, char **argv)
{
    ok(argc == 2, "usage: generate_client FOLDER");
    struct desk *d = desk_new(0x7a616775616e);
    struct meeting *m = meeting_new(d);
    write_cards(argv[1], d);
    write_bundles(argv[1], d);
    write_knock(argv[1], m);
    write_accept(argv[1], m);
    write_ratchet(argv[1], m);
    meeting_free(m);
    desk_free(d);
    return 0;
}
