/*
 * CPU that each operation of the protocol costs, beside the large operations of libsodium that it is made of, in one run.
 *
 * Every row is measured in turn, then all again, several rounds: a machine that slows down slows down both columns. Only the
 * operation itself is timed, by the CPU clock of the process; what it needs is prepared in between.
 */
#define _GNU_SOURCE
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/noise.h"
#include "proto/seal.h"
#include "proto/wire.h"
#include "tests/unit/client/meeting.h"

enum { ROUNDS_MAX = 15, BATCH = 64, PARTS_MAX = 6, MLKEM_PK = 1184, MLKEM_SK = 2400, MLKEM_CT = 1088, SEED = 64 };

struct bench {
    struct desk *desk;
    struct rng rng;
    struct meeting *same; /* agreed; used for messages of one chain */
    struct meeting *steps; /* agreed; used for steps */
    struct noise_cipher a, b;
    uint8_t point[32], scalar[32];
    uint8_t mlkem_pk[MLKEM_PK], mlkem_sk[MLKEM_SK], mlkem_ct[MLKEM_CT];
    uint8_t xwing_ct[XWING_CT_BYTES];
    uint8_t sign_pk[32], sign_sk[64], signature[64];
    uint8_t plain[WIRE_RECORD_UNIT_BYTES];
    uint8_t cipher[BATCH][WIRE_RECORD_UNIT_BYTES + 64 + SEAL_OVERHEAD];
    uint8_t key[32];
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sure(int rc)
{
    if (rc != 0) {
        fputs("bench_cpu: an operation of libsodium failed\n", stderr);
        exit(1);
    }
}

/* --- libsodium --- */

/* Each does BATCH operations and returns the nanoseconds that they took. */
typedef uint64_t measure_fn(struct bench *b);

#define BATCH_OF(name, statement)                                                                             \
    static uint64_t name(struct bench *b)                                                                     \
    {                                                                                                         \
        uint64_t from = cpu_ns();                                                                             \
        for (int i = 0; i < BATCH; i++) {                                                                     \
            statement;                                                                                        \
        }                                                                                                     \
        return cpu_ns() - from;                                                                               \
    }

static const uint8_t zero_nonce[24];

BATCH_OF(x25519_base, sure(crypto_scalarmult_curve25519_base(b->cipher[0], b->scalar)))
BATCH_OF(x25519_dh, sure(crypto_scalarmult_curve25519(b->cipher[0], b->scalar, b->point)))
BATCH_OF(mlkem_keypair, sure(crypto_kem_mlkem768_seed_keypair(b->mlkem_pk, b->mlkem_sk, b->plain)))
BATCH_OF(mlkem_enc, sure(crypto_kem_mlkem768_enc_deterministic(b->mlkem_ct, b->cipher[0], b->mlkem_pk, b->plain)))
BATCH_OF(mlkem_dec, sure(crypto_kem_mlkem768_dec(b->cipher[0], b->mlkem_ct, b->mlkem_sk)))
BATCH_OF(xwing_enc, sure(crypto_kem_xwing_enc_deterministic(b->xwing_ct, b->cipher[0], b->desk->keys.intake_pk, b->plain)))
BATCH_OF(xwing_dec, sure(crypto_kem_xwing_dec(b->cipher[0], b->xwing_ct, b->desk->epoch.intake_sk)))
BATCH_OF(ed25519_verify, sure(crypto_sign_verify_detached(b->signature, b->plain, 200, b->sign_pk)))
BATCH_OF(chacha_record, sure(crypto_aead_chacha20poly1305_ietf_encrypt(b->cipher[0], NULL, b->plain, WIRE_RECORD_UNIT_BYTES, NULL, 0,
                                                                       NULL, zero_nonce, b->key)))
BATCH_OF(xchacha_header, sure(crypto_aead_xchacha20poly1305_ietf_encrypt(b->cipher[0], NULL, b->plain, 2332, NULL, 0, NULL,
                                                                         zero_nonce, b->key)))

/* What a seal of section 0.1 is made of. */
static void seal_parts(struct bench *b, size_t len)
{
    uint8_t prk[crypto_kdf_hkdf_sha512_KEYBYTES], keys[64];
    randombytes_buf(b->cipher[0], 24);
    sure(crypto_kdf_hkdf_sha512_extract(prk, NULL, 0, b->key, sizeof(b->key)));
    sure(crypto_kdf_hkdf_sha512_expand(keys, sizeof(keys), "a label of this length", 22, prk));
    sure(crypto_aead_xchacha20poly1305_ietf_encrypt(b->cipher[0] + 56, NULL, b->plain, len, NULL, 0, NULL, zero_nonce, keys));
    sure(crypto_generichash(b->cipher[0] + 24, 32, b->cipher[0], len + 72, keys + 32, 32));
}

BATCH_OF(seal_body_parts, seal_parts(b, RATCHET_FRAME_BYTES))
BATCH_OF(seal_envelope_parts, seal_parts(b, WIRE_ENVELOPE_BYTES))

static uint64_t chacha_record_open(struct bench *b)
{
    sure(crypto_aead_chacha20poly1305_ietf_encrypt(b->cipher[0], NULL, b->plain, WIRE_RECORD_UNIT_BYTES, NULL, 0, NULL, zero_nonce,
                                                   b->key));
    uint64_t from = cpu_ns();
    for (int i = 0; i < BATCH; i++)
        sure(crypto_aead_chacha20poly1305_ietf_decrypt(b->cipher[1], NULL, NULL, b->cipher[0],
                                                       WIRE_RECORD_UNIT_BYTES + WIRE_TAG_BYTES, NULL, 0, zero_nonce, b->key));
    return cpu_ns() - from;
}

/* --- records and handshake --- */

BATCH_OF(record_encrypt, noise_encrypt(&b->a, b->cipher[i], b->plain, WIRE_RECORD_UNIT_BYTES))

static uint64_t record_decrypt(struct bench *b)
{
    b->b = b->a;
    (void)record_encrypt(b);
    uint64_t from = cpu_ns();
    for (int i = 0; i < BATCH; i++)
        MUST(noise_decrypt(&b->b, b->cipher[i], b->cipher[i], WIRE_RECORD_UNIT_BYTES + WIRE_TAG_BYTES));
    return cpu_ns() - from;
}

BATCH_OF(seal_envelope, seal(b->cipher[0], b->key, NULL, 0, b->plain, WIRE_ENVELOPE_BYTES, &b->rng))

static uint64_t handshake(struct bench *b, bool client)
{
    uint8_t pk[32], payload[NOISE_PAYLOAD_MAX];
    uint8_t one[WIRE_HELLO_BYTES], two[WIRE_WELCOME_BYTES];
    uint64_t spent[2] = {0, 0};
    size_t len;
    sure(crypto_scalarmult_curve25519_base(pk, b->scalar));
    for (int i = 0; i < BATCH; i++) {
        struct noise_handshake c, r;
        struct noise_cipher k[4];
        uint64_t t0 = cpu_ns();
        noise_initiator_init(&c, NOISE_NKHFS, b->plain, 32, pk);
        MUST(noise_write_message1(&c, NULL, 0, one, &b->rng));
        uint64_t t1 = cpu_ns();
        noise_responder_init(&r, NOISE_NKHFS, b->plain, 32, b->scalar, pk);
        MUST(noise_read_message1(&r, one, sizeof(one), payload, &len));
        MUST(noise_write_message2(&r, b->plain, WIRE_WELCOME_PAYLOAD_BYTES, two, &b->rng));
        noise_split(&r, &k[0], &k[1]);
        uint64_t t2 = cpu_ns();
        MUST(noise_read_message2(&c, two, sizeof(two), payload, &len));
        noise_split(&c, &k[2], &k[3]);
        spent[0] += t1 - t0 + (cpu_ns() - t2);
        spent[1] += t2 - t1;
    }
    return spent[client ? 0 : 1];
}

static uint64_t handshake_client(struct bench *b)
{
    return handshake(b, true);
}

static uint64_t handshake_relay(struct bench *b)
{
    return handshake(b, false);
}

/* --- knock and accept --- */

enum knock_part { KNOCK_MAKE, KNOCK_OPEN, ACCEPT_MAKE, ACCEPT_CHECK, KNOCK_PARTS };

static void knock_once(struct bench *b, uint64_t spent[KNOCK_PARTS])
{
    static const char hello[] = "Hola, necesito hablar con alguien.";
    struct knock_input in = {.bundle = &b->desk->bundle, .now_s = MEETING_NOW};
    static struct knock_output knock;
    static struct knock_opened opened;
    static struct accept_output accept;
    struct accept_context context = {.trust = &b->desk->bundle.trust, .knocked_s = MEETING_NOW, .now_s = MEETING_NOW};
    uint8_t frame[RATCHET_FRAME_BYTES], envelope[WIRE_ENVELOPE_BYTES];
    struct meeting m = {.desk = b->desk};

    in.content = (struct span){(const uint8_t *)hello, sizeof(hello) - 1};
    uint64_t t0 = cpu_ns();
    MUST(knock_make(&knock, &in, &b->rng));
    uint64_t t1 = cpu_ns();
    MUST(knock_open(&opened, knock.envelope, &b->desk->bundle.trust, &b->desk->epoch));
    uint64_t t2 = cpu_ns();
    struct accept_input answer = {.knock = &opened, .dh_sk = b->desk->worker.dh_sk};
    answer.credential = (struct span){b->desk->worker.encoded, b->desk->worker.encoded_len};
    MUST(accept_make(&accept, &answer, &b->rng));
    uint64_t t3 = cpu_ns();
    m.accept = accept;
    frame_of(frame, accept.ratchet, &m, "Hola. Estoy aqui.");
    MUST(ratchet_encrypt(accept.ratchet, frame, envelope, &b->rng));
    context.th1 = knock.th1;
    context.ek_p_sk = knock.ek_p_sk;
    uint64_t t4 = cpu_ns();
    MUST(ratchet_decrypt(knock.ratchet, envelope, MEETING_NOW, accept_check, &context, frame, NULL));
    uint64_t t5 = cpu_ns();
    spent[KNOCK_MAKE] += t1 - t0;
    spent[KNOCK_OPEN] += t2 - t1;
    spent[ACCEPT_MAKE] += t3 - t2;
    spent[ACCEPT_CHECK] += t5 - t4;
    knock_output_clear(&knock);
    knock_opened_clear(&opened);
    accept_output_clear(&accept);
}

static uint64_t knock_part(struct bench *b, enum knock_part part)
{
    uint64_t spent[KNOCK_PARTS] = {0};
    for (int i = 0; i < BATCH; i++)
        knock_once(b, spent);
    return spent[part];
}

static uint64_t knock_making(struct bench *b)
{
    return knock_part(b, KNOCK_MAKE);
}

static uint64_t knock_opening(struct bench *b)
{
    return knock_part(b, KNOCK_OPEN);
}

static uint64_t accept_making(struct bench *b)
{
    return knock_part(b, ACCEPT_MAKE);
}

static uint64_t accept_checking(struct bench *b)
{
    return knock_part(b, ACCEPT_CHECK);
}

/* --- messages --- */

static uint64_t message_encrypt(struct bench *b)
{
    uint8_t frame[RATCHET_FRAME_BYTES] = {0};
    uint64_t from = cpu_ns();
    for (int i = 0; i < BATCH; i++)
        MUST(ratchet_encrypt(b->same->her, frame, b->cipher[i], &b->rng));
    return cpu_ns() - from;
}

static uint64_t message_decrypt(struct bench *b)
{
    uint8_t frame[RATCHET_FRAME_BYTES];
    (void)message_encrypt(b);
    uint64_t from = cpu_ns();
    for (int i = 0; i < BATCH; i++)
        MUST(ratchet_decrypt(b->same->worker, b->cipher[i], MEETING_NOW, NULL, NULL, frame, NULL));
    return cpu_ns() - from;
}

/* They take turns, so every message makes a step, and every message that comes brings one. */
static uint64_t step(struct bench *b, bool making)
{
    uint8_t frame[RATCHET_FRAME_BYTES] = {0};
    uint64_t spent[2] = {0, 0};
    for (int i = 0; i < BATCH; i++) {
        struct ratchet *from = i % 2 == 0 ? b->steps->her : b->steps->worker;
        struct ratchet *to = i % 2 == 0 ? b->steps->worker : b->steps->her;
        uint64_t t0 = cpu_ns();
        MUST(ratchet_encrypt(from, frame, b->cipher[0], &b->rng));
        uint64_t t1 = cpu_ns();
        MUST(ratchet_decrypt(to, b->cipher[0], MEETING_NOW, NULL, NULL, frame, NULL));
        spent[0] += t1 - t0;
        spent[1] += cpu_ns() - t1;
    }
    return spent[making ? 0 : 1];
}

static uint64_t step_making(struct bench *b)
{
    return step(b, true);
}

static uint64_t step_taking(struct bench *b)
{
    return step(b, false);
}

/* --- the table --- */

struct row {
    const char *name;
    measure_fn *measure;
    double goal_us; /* 0: none */
    measure_fn *parts[PARTS_MAX]; /* libsodium's share */
};

static const struct row rows[] = {
    {"knock: make", knock_making, 2000, {xwing_enc, x25519_base, mlkem_keypair}},
    {"knock: open", knock_opening, 0, {xwing_dec}},
    {"accept: make", accept_making, 0, {mlkem_keypair, mlkem_enc, x25519_base, x25519_dh, x25519_dh}},
    {"accept: check and open", accept_checking, 0, {mlkem_dec, x25519_dh, x25519_dh, ed25519_verify}},
    {"message: encrypt", message_encrypt, 60, {xchacha_header, seal_body_parts}},
    {"message: decrypt", message_decrypt, 60, {xchacha_header, seal_body_parts}},
    {"step: make, with a message", step_making, 700, {mlkem_keypair, mlkem_enc, x25519_base, x25519_dh}},
    {"step: take, with a message", step_taking, 700, {mlkem_dec, x25519_dh}},
    {"handshake: client", handshake_client, 0, {mlkem_keypair, mlkem_dec, x25519_base, x25519_dh, x25519_dh}},
    {"handshake: relay", handshake_relay, 0, {mlkem_enc, x25519_base, x25519_dh, x25519_dh}},
    {"record of 4,320: encrypt", record_encrypt, 0, {chacha_record}},
    {"record of 4,320: decrypt", record_decrypt, 0, {chacha_record_open}},
    {"seal of 4,096", seal_envelope, 0, {seal_envelope_parts}},
};

static const struct row plain_rows[] = {
    {"X25519, base point", x25519_base, 0, {NULL}},
    {"X25519", x25519_dh, 0, {NULL}},
    {"ML-KEM-768 key pair", mlkem_keypair, 0, {NULL}},
    {"ML-KEM-768 encapsulate", mlkem_enc, 0, {NULL}},
    {"ML-KEM-768 decapsulate", mlkem_dec, 0, {NULL}},
    {"X-Wing encapsulate", xwing_enc, 0, {NULL}},
    {"X-Wing decapsulate", xwing_dec, 0, {NULL}},
    {"Ed25519 verify", ed25519_verify, 0, {NULL}},
    {"ChaCha20-Poly1305, 4,320 bytes", chacha_record, 0, {NULL}},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]), PLAIN_ROWS = sizeof(plain_rows) / sizeof(plain_rows[0]) };

static double us(uint64_t ns)
{
    return (double)ns / (double)BATCH / 1000;
}

static double parts_of(struct bench *b, const struct row *row)
{
    double sum = 0;
    for (int i = 0; i < PARTS_MAX && row->parts[i] != NULL; i++)
        sum += us(row->parts[i](b));
    return sum;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print_row(const struct row *row, double *all, double *parts, int rounds)
{
    size_t n = (size_t)rounds;
    qsort(all, n, sizeof(*all), compare);
    qsort(parts, n, sizeof(*parts), compare);
    double median = all[n / 2], bare = parts[n / 2];
    printf("%-32s %9.1f  %9.1f %9.1f", row->name, median, all[0], all[n - 1]);
    if (row->parts[0] != NULL)
        printf("  %9.1f  %5.2f", bare, median / bare);
    if (row->goal_us > 0)
        printf("  %s %.0f us", median <= row->goal_us ? "within" : "MISSES", row->goal_us);
    putchar('\n');
}

static void run(struct bench *b, int rounds)
{
    static double all[ROWS + PLAIN_ROWS][ROUNDS_MAX], parts[ROWS + PLAIN_ROWS][ROUNDS_MAX];
    for (int r = -1; r < rounds; r++) { /* the first one warms up */
        for (int i = 0; i < ROWS + PLAIN_ROWS; i++) {
            const struct row *row = i < ROWS ? &rows[i] : &plain_rows[i - ROWS];
            double one = us(row->measure(b)), bare = parts_of(b, row);
            if (r >= 0) {
                all[i][r] = one;
                parts[i][r] = bare;
            }
        }
    }
    printf("%-32s %9s  %9s %9s  %9s  %5s\n", "CPU, microseconds", "median", "min", "max", "libsodium", "ratio");
    for (int i = 0; i < ROWS; i++)
        print_row(&rows[i], all[i], parts[i], rounds);
    puts("\nlibsodium by itself");
    for (int i = 0; i < PLAIN_ROWS; i++)
        print_row(&plain_rows[i], all[ROWS + i], parts[ROWS + i], rounds);
}

static void prepare(struct bench *b)
{
    b->desk = desk_new(1);
    b->rng = rng_system();
    b->same = meeting_agreed(b->desk);
    b->steps = meeting_agreed(b->desk);
    rng_fill(&b->rng, b->scalar, sizeof(b->scalar));
    rng_fill(&b->rng, b->key, sizeof(b->key));
    rng_fill(&b->rng, b->plain, sizeof(b->plain));
    sure(crypto_scalarmult_curve25519_base(b->point, b->scalar));
    sure(crypto_sign_keypair(b->sign_pk, b->sign_sk));
    sure(crypto_sign_detached(b->signature, NULL, b->plain, 200, b->sign_sk));
    memcpy(b->a.k, b->key, sizeof(b->a.k));
    (void)mlkem_keypair(b);
    (void)mlkem_enc(b);
    (void)xwing_enc(b);
}

int main(int argc, char **argv)
{
    static struct bench b;
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "bench_cpu [rounds, 1 to %d]\n", ROUNDS_MAX);
        return 2;
    }
    if (sodium_init() < 0)
        return 1;
    prepare(&b);
    run(&b, rounds);
    meeting_free(b.same);
    meeting_free(b.steps);
    desk_free(b.desk);
    return 0;
}
