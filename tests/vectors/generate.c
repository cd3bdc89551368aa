/*
 * Writes the vectors that are our own into a folder: generate <folder>. Inputs come from fixed seeds, so the
 * result is always the same; a difference from the files here is a change of the protocol. check_vectors.py
 * and check_noise.mjs compute them again from other code.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/command.h"
#include "proto/kdf.h"
#include "proto/labels.h"
#include "proto/noise.h"
#include "proto/puzzle.h"
#include "proto/record.h"
#include "proto/seal.h"
#include "proto/secret.h"
#include "proto/voucher.h"
#include "tests/support/samples.h"
#include "tests/support/support.h"

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "generate: %s\n", what);
    exit(1);
}

static FILE *create(const char *folder, const char *name, const char *comment)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    must(out != NULL, path);
    fprintf(out, "# %s\n# Written by tests/vectors/generate.c.\n\n", comment);
    return out;
}

static void finish(FILE *out)
{
    must(fclose(out) == 0, "cannot write");
}

static void write_parts(FILE *out, const struct span *parts, size_t count)
{
    char name[32];
    vector_write_uint(out, "parts", count);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "part%zu", i);
        vector_write_bytes(out, name, parts[i].at, parts[i].len);
    }
}

/* --- HKDF and hashes --- */

struct parts_case {
    size_t out_len;
    size_t count;
    struct span parts[3];
};

static void write_hkdf(const char *folder)
{
    FILE *out =
        create(folder, "hkdf.txt", "HKDF-SHA-512 as in the conventions: info is LP(part) of each part.");
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 1);
    uint8_t salt[32], ikm[64], th[64], okm[200];
    rng_fill(&rng, salt, sizeof(salt));
    rng_fill(&rng, ikm, sizeof(ikm));
    rng_fill(&rng, th, sizeof(th));
    const struct parts_case cases[] = {
        {64, 1, {SPAN_LABEL(LABEL_SEAL)}},
        {64, 1, {SPAN_LABEL(LABEL_CARD)}},
        {96, 2, {SPAN_LABEL(LABEL_KNOCK_ROOT), SPAN_OF(th)}},
        {96, 3, {SPAN_LABEL(LABEL_STEP), SPAN_OF(th), SPAN_OF(th)}},
        {32, 2, {SPAN_LABEL(LABEL_ACCEPT_MIX), SPAN_OF(th)}},
        {200, 2, {SPAN_LABEL(LABEL_ACCEPT_MAC), {th, 0}}},
        {1, 0, {{NULL, 0}}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct parts_case *c = &cases[i];
        size_t salt_len = i % 2 == 0 ? 0 : sizeof(salt);
        kdf_hkdf(okm, c->out_len, salt, salt_len, ikm, sizeof(ikm), c->parts, c->count);
        vector_write_bytes(out, "salt", salt, salt_len);
        vector_write_bytes(out, "ikm", ikm, sizeof(ikm));
        write_parts(out, c->parts, c->count);
        vector_write_bytes(out, "out", okm, c->out_len);
        vector_write_end(out);
    }
    finish(out);
}

static void write_hash(const char *folder)
{
    FILE *out =
        create(folder, "hash.txt", "SHA-512 and BLAKE2b over LP(part) of each part; a key only for BLAKE2b.");
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 2);
    uint8_t key[32], data[300], hash[64];
    rng_fill(&rng, key, sizeof(key));
    rng_fill(&rng, data, sizeof(data));
    const struct parts_case cases[] = {
        {16, 1, {SPAN_LABEL(LABEL_HANDLE)}},
        {32, 2, {SPAN_LABEL(LABEL_ORGANISATION), {data, 32}}},
        {32, 3, {SPAN_LABEL(LABEL_STEP_ID), {data, 32}, {data, 300}}},
        {64, 3, {SPAN_LABEL(LABEL_SAFETY_WORDS), {data, 0}, {data, 1}}},
        {32, 0, {{NULL, 0}}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct parts_case *c = &cases[i];
        write_parts(out, c->parts, c->count);
        kdf_sha512(hash, c->parts, c->count);
        vector_write_bytes(out, "sha512", hash, sizeof(hash));
        vector_write_bytes(out, "key", key, sizeof(key));
        kdf_blake2b(hash, c->out_len, NULL, c->parts, c->count);
        vector_write_bytes(out, "blake2b", hash, c->out_len);
        kdf_blake2b(hash, c->out_len, key, c->parts, c->count);
        vector_write_bytes(out, "blake2b_keyed", hash, c->out_len);
        vector_write_end(out);
    }
    finish(out);
}

/* --- seal and names --- */

static void write_seal(const char *folder)
{
    FILE *out = create(folder, "seal.txt", "Seal, section 0.1. ad is the whole associated data.");
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 3);
    static const size_t lens[] = {0, 1, 64, 1652};
    uint8_t key[32], ad[100], nonce[24], plain[1652], sealed[1652 + SEAL_OVERHEAD];
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        rng_fill(&rng, key, sizeof(key));
        rng_fill(&rng, ad, sizeof(ad));
        rng_fill(&rng, nonce, sizeof(nonce));
        rng_fill(&rng, plain, sizeof(plain));
        struct rng_bytes bytes = {nonce, sizeof(nonce)};
        struct rng fixed = rng_fixed(&bytes);
        const struct span parts = {ad, i == 0 ? 0 : sizeof(ad)};
        seal(sealed, key, &parts, 1, plain, lens[i], &fixed);
        vector_write_bytes(out, "key", key, sizeof(key));
        vector_write_bytes(out, "ad", ad, parts.len);
        vector_write_bytes(out, "nonce", nonce, sizeof(nonce));
        vector_write_bytes(out, "plain", plain, lens[i]);
        vector_write_bytes(out, "sealed", sealed, lens[i] + SEAL_OVERHEAD);
        vector_write_end(out);
    }
    finish(out);
}

static void write_names(const char *folder)
{
    static const char *const roles[] = {
        [ROLE_PUT] = "put",           [ROLE_TAKE] = "take",       [ROLE_OWN] = "own",
        [ROLE_END] = "end",           [ROLE_READ] = "read",       [ROLE_WRITE] = "write",
        [ROLE_SLOT_OWN] = "slot-own", [ROLE_VOUCHER] = "voucher",
    };
    FILE *out = create(folder, "names.txt", "Names of secrets and hashes of handles, section 1.");
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 4);
    struct secret secret;
    struct name name;
    struct handle handle, hash;

    for (int role = ROLE_PUT; role <= ROLE_VOUCHER; role++) {
        rng_fill(&rng, secret.b, sizeof(secret.b));
        secret_name((enum role)role, secret.b, &name);
        vector_write_text(out, "role", roles[role]);
        vector_write_bytes(out, "secret", secret.b, sizeof(secret.b));
        vector_write_bytes(out, "name", name.b, sizeof(name.b));
        vector_write_end(out);
    }
    rng_fill(&rng, handle.b, sizeof(handle.b));
    handle_hash(handle.b, &hash);
    vector_write_bytes(out, "handle", handle.b, sizeof(handle.b));
    vector_write_bytes(out, "hash", hash.b, sizeof(hash.b));
    vector_write_end(out);
    finish(out);
}

static void write_vouchers(const char *folder)
{
    FILE *out = create(folder, "vouchers.txt", "Texts of vouchers, section 1.");
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 7);
    struct secret secret;
    char text[VOUCHER_TEXT_LEN + 1];
    for (int i = 0; i < 2; i++) {
        rng_fill(&rng, secret.b, sizeof(secret.b));
        voucher_text(secret.b, text);
        vector_write_bytes(out, "secret", secret.b, sizeof(secret.b));
        vector_write_text(out, "text", text);
        vector_write_end(out);
    }
    finish(out);
}

/* --- commands and records --- */

static void write_commands(const char *folder)
{
    FILE *out =
        create(folder, "commands.txt",
               "Commands, section 1.1. fields: integers; bins as <bytes>*<each byte in hex>; arrays in [ ].");
    uint8_t buf[WIRE_COMMAND_BYTES_MAX];
    struct writer w;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        writer_init(&w, buf, sizeof(buf));
        must(command_encode(&all[i].command, &w) == ZG_OK, all[i].fields);
        vector_write_text(out, "command", op_name(all[i].command.op));
        vector_write_text(out, "from", all[i].side == COMMAND_FROM_CLIENT ? "client" : "relay");
        vector_write_text(out, "fields", all[i].fields);
        vector_write_bytes(out, "encoding", w.buf, w.len);
        vector_write_end(out);
    }
    finish(out);
}

static void write_record(FILE *out, const size_t *lens, size_t count)
{
    static uint8_t plain[WIRE_RECORD_PLAIN_MAX];
    static uint8_t unit[WIRE_COMMAND_BYTES_MAX];
    struct record_writer r;
    char list[256] = "";

    record_begin(&r, plain);
    for (size_t i = 0; i < count; i++) {
        struct writer w = record_unit_begin(&r);
        memset(unit, (int)(i + 1), lens[i]);
        writer_put(&w, unit, lens[i]);
        must(record_unit_end(&r, &w) == ZG_OK, "record");
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%zu", i == 0 ? "" : " ", lens[i]);
    }
    size_t len = record_finish(&r);
    uint8_t hash[32];
    crypto_generichash_blake2b(hash, sizeof(hash), plain, len, NULL, 0);
    vector_write_text(out, "units", list);
    vector_write_uint(out, "plain_bytes", len);
    vector_write_uint(out, "cipher_bytes", len + WIRE_TAG_BYTES);
    vector_write_bytes(out, "plain_blake2b", hash, sizeof(hash));
    vector_write_end(out);
}

static void write_records(const char *folder)
{
    static const size_t cases[][16] = {
        {0},
        {1},
        {126},
        {127},
        {3, 7, 110},
        {3, 7, 111},
        {4318},
        {4318, 1},
        {4317},
        {2000, 2316},
        {2000, 2317},
        {4318, 4318, 4318, 4318, 4318, 4318, 4318, 4318, 4318, 4318, 4318, 4318, 4318, 4318, 4318},
    };
    FILE *out =
        create(folder, "records.txt",
               "Plaintexts of records, section 2.2: lengths of the units; every byte of the nth unit is n.");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t count = 0;
        while (cases[i][count] != 0)
            count++;
        write_record(out, cases[i], count);
    }
    finish(out);
}

/* --- puzzle --- */

static void write_puzzle(const char *folder)
{
    FILE *out = create(folder, "puzzle.txt", "Cookie, hash and the smallest solution, section 9.");
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 5);
    static uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t key[32], random[11], cookie[WIRE_COOKIE_BYTES], hash[PUZZLE_HASH_BYTES], n[4][WIRE_NAME_BYTES];
    struct name desk_put;
    const uint32_t now = 1800000000;

    for (uint8_t effort = 0; effort <= 6; effort = (uint8_t)(effort + 3)) {
        rng_fill(&rng, key, sizeof(key));
        rng_fill(&rng, desk_put.b, sizeof(desk_put.b));
        rng_fill(&rng, random, sizeof(random));
        rng_fill(&rng, n, sizeof(n));
        rng_fill(&rng, envelope, sizeof(envelope));
        struct rng_bytes bytes = {random, sizeof(random)};
        struct rng fixed = rng_fixed(&bytes);
        const struct queue_names names = {.put = n[0], .takes = 1, .take = {n[1]}, .own = n[2], .end = n[3]};
        uint64_t x = 0;

        cookie_make(cookie, key, &desk_put, now, effort, &fixed);
        puzzle_hash(hash, &names, envelope);
        must(puzzle_solve(cookie, hash, effort, &x, 100000) == ZG_OK, "puzzle");
        vector_write_bytes(out, "cookie_key", key, sizeof(key));
        vector_write_bytes(out, "desk_put", desk_put.b, sizeof(desk_put.b));
        vector_write_uint(out, "now", now);
        vector_write_uint(out, "effort", effort);
        vector_write_bytes(out, "random", random, sizeof(random));
        vector_write_bytes(out, "cookie", cookie, sizeof(cookie));
        vector_write_bytes(out, "put", n[0], sizeof(n[0]));
        vector_write_bytes(out, "take", n[1], sizeof(n[1]));
        vector_write_bytes(out, "own", n[2], sizeof(n[2]));
        vector_write_bytes(out, "end", n[3], sizeof(n[3]));
        vector_write_bytes(out, "envelope", envelope, sizeof(envelope));
        vector_write_bytes(out, "hash", hash, sizeof(hash));
        vector_write_uint(out, "solution", x);
        vector_write_end(out);
    }
    finish(out);
}

/* --- Noise NKhfs --- */

struct nkhfs_inputs {
    uint8_t static_sk[32];
    uint8_t static_pk[32];
    uint8_t prologue[64];
    size_t prologue_len;
    uint8_t initiator_random[32 + 64]; /* ephemeral key, seed of the ML-KEM key pair */
    uint8_t responder_random[32 + 32]; /* ephemeral key, randomness of the encapsulation */
    uint8_t payload1[32];
    size_t payload1_len;
    uint8_t payload2[WIRE_WELCOME_PAYLOAD_BYTES];
};

/* What the checker cannot compute by itself: ML-KEM's part. */
static void write_kem(FILE *out, const struct nkhfs_inputs *in)
{
    uint8_t pk[NOISE_KEM_PK_BYTES], sk[NOISE_KEM_SK_BYTES], ct[NOISE_KEM_CT_BYTES], ss[32];
    crypto_kem_mlkem768_seed_keypair(pk, sk, in->initiator_random + 32);
    must(crypto_kem_mlkem768_enc_deterministic(ct, ss, pk, in->responder_random + 32) == 0, "ML-KEM");
    vector_write_bytes(out, "kem_public_key", pk, sizeof(pk));
    vector_write_bytes(out, "kem_ciphertext", ct, sizeof(ct));
    vector_write_bytes(out, "kem_shared_secret", ss, sizeof(ss));
}

/* The first and last messages before, and the first after, the rekey. */
static void write_transport(FILE *out, const char *direction, struct noise_cipher *c)
{
    static const uint8_t text[] = {'t', 'r', 'a', 'n', 's', 'p', 'o', 'r', 't'};
    uint8_t sealed[sizeof(text) + NOISE_TAG_BYTES];
    char name[64];

    snprintf(name, sizeof(name), "%s_key", direction);
    vector_write_bytes(out, name, c->k, sizeof(c->k));
    for (uint32_t n = 0; n <= WIRE_REKEY_RECORDS; n++) {
        noise_encrypt(c, sealed, text, sizeof(text));
        if (n != 0 && n + 1 != WIRE_REKEY_RECORDS && n != WIRE_REKEY_RECORDS)
            continue;
        snprintf(name, sizeof(name), "%s_%u", direction, (unsigned)n);
        vector_write_bytes(out, name, sealed, sizeof(sealed));
    }
    snprintf(name, sizeof(name), "%s_key_rekeyed", direction);
    vector_write_bytes(out, name, c->k, sizeof(c->k));
}

static void write_handshake(FILE *out, const struct nkhfs_inputs *in)
{
    struct noise_handshake a, b;
    struct noise_cipher to_responder, to_initiator, unused1, unused2;
    uint8_t m1[2048], m2[2048], payload[NOISE_PAYLOAD_MAX];
    size_t m1_len = noise_message1_bytes(NOISE_NKHFS, in->payload1_len);
    size_t m2_len = noise_message2_bytes(NOISE_NKHFS, sizeof(in->payload2));
    size_t len;
    struct rng_bytes a_bytes = {in->initiator_random, sizeof(in->initiator_random)};
    struct rng_bytes b_bytes = {in->responder_random, sizeof(in->responder_random)};
    struct rng a_rng = rng_fixed(&a_bytes), b_rng = rng_fixed(&b_bytes);

    noise_initiator_init(&a, NOISE_NKHFS, in->prologue, in->prologue_len, in->static_pk);
    noise_responder_init(&b, NOISE_NKHFS, in->prologue, in->prologue_len, in->static_sk, in->static_pk);
    must(noise_write_message1(&a, in->payload1, in->payload1_len, m1, &a_rng) == ZG_OK, "message 1");
    must(noise_read_message1(&b, m1, m1_len, payload, &len) == ZG_OK, "message 1");
    must(noise_write_message2(&b, in->payload2, sizeof(in->payload2), m2, &b_rng) == ZG_OK, "message 2");
    must(noise_read_message2(&a, m2, m2_len, payload, &len) == ZG_OK, "message 2");
    noise_split(&a, &to_responder, &to_initiator);
    noise_split(&b, &unused1, &unused2);
    vector_write_bytes(out, "message1", m1, m1_len);
    vector_write_bytes(out, "message2", m2, m2_len);
    write_transport(out, "to_responder", &to_responder);
    write_transport(out, "to_initiator", &to_initiator);
}

static void write_nkhfs(const char *folder)
{
    FILE *out =
        create(folder, "noise_nkhfs.txt",
               "Noise_NKhfs_25519+MLKEM768_ChaChaPoly_SHA512, section 2.1, and the rekey of section 2.2.\n"
               "# Transport messages are numbered from 0; each holds the text \"transport\".");
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 6);
    for (int i = 0; i < 2; i++) {
        struct nkhfs_inputs in;
        struct writer w;
        rng_fill(&rng, in.static_sk, sizeof(in.static_sk));
        rng_fill(&rng, in.initiator_random, sizeof(in.initiator_random));
        rng_fill(&rng, in.responder_random, sizeof(in.responder_random));
        rng_fill(&rng, in.payload1, sizeof(in.payload1));
        rng_fill(&rng, in.payload2, sizeof(in.payload2));
        crypto_scalarmult_curve25519_base(in.static_pk, in.static_sk);
        /* The first is the protocol's own prologue and empty payload. */
        in.payload1_len = i == 0 ? 0 : sizeof(in.payload1);
        writer_init(&w, in.prologue, sizeof(in.prologue));
        if (i == 0) {
            writer_lp(&w, LABEL_PROLOGUE, sizeof(LABEL_PROLOGUE) - 1);
            writer_u8(&w, WIRE_VERSION);
            writer_u8(&w, WIRE_SUITE);
        }
        in.prologue_len = w.len;
        vector_write_bytes(out, "prologue", in.prologue, in.prologue_len);
        vector_write_bytes(out, "static_secret", in.static_sk, sizeof(in.static_sk));
        vector_write_bytes(out, "static_public", in.static_pk, sizeof(in.static_pk));
        vector_write_bytes(out, "initiator_random", in.initiator_random, sizeof(in.initiator_random));
        vector_write_bytes(out, "responder_random", in.responder_random, sizeof(in.responder_random));
        vector_write_bytes(out, "payload1", in.payload1, in.payload1_len);
        vector_write_bytes(out, "payload2", in.payload2, sizeof(in.payload2));
        write_kem(out, &in);
        write_handshake(out, &in);
        vector_write_end(out);
    }
    finish(out);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    must(sodium_init() >= 0, "libsodium");
    write_hkdf(argv[1]);
    write_hash(argv[1]);
    write_seal(argv[1]);
    write_names(argv[1]);
    write_vouchers(argv[1]);
    write_commands(argv[1]);
    write_records(argv[1]);
    write_puzzle(argv[1]);
    write_nkhfs(argv[1]);
    return 0;
}
