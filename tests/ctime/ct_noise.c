/* The handshake of both sides, and records over a change of key; the relay's key, what both make up, and what
 * is said are secret. */
#include <sodium.h>
#include <string.h>

#include "proto/noise.h"
#include "proto/wire.h"
#include "tests/ctime/ctime.h"

enum { MESSAGE_MAX = 2048, RECORD_BYTES = 4320, RECORDS = 3 };

static const uint8_t prologue[] = "prologue";

static struct noise_handshake client;
static struct noise_handshake relay;

/* Both sides, as far as message 1. */
static void begin(const struct rng *rng, uint8_t message[MESSAGE_MAX])
{
    uint8_t sk[NOISE_KEY_BYTES], pk[NOISE_KEY_BYTES];
    rng_fill(rng, sk, sizeof(sk));
    crypto_scalarmult_curve25519_base(pk, sk);
    noise_initiator_init(&client, NOISE_NKHFS, prologue, sizeof(prologue), pk);
    noise_responder_init(&relay, NOISE_NKHFS, prologue, sizeof(prologue), sk, pk);
    must_hold(noise_write_message1(&client, NULL, 0, message, rng) == ZG_OK, "message 1 is written");
    publish(message, noise_message1_bytes(NOISE_NKHFS, 0));
}

static void shake_hands(const struct rng *rng)
{
    uint8_t message[MESSAGE_MAX], payload[NOISE_PAYLOAD_MAX], welcome[WIRE_WELCOME_PAYLOAD_BYTES] = {1};
    size_t len1 = noise_message1_bytes(NOISE_NKHFS, 0);
    size_t len2 = noise_message2_bytes(NOISE_NKHFS, sizeof(welcome));
    size_t len;

    begin(rng, message);
    must_hold(noise_read_message1(&relay, message, len1, payload, &len) == ZG_OK, "message 1 is read");
    must_hold(noise_write_message2(&relay, welcome, sizeof(welcome), message, rng) == ZG_OK,
              "message 2 is written");
    publish(message, len2);
    must_hold(noise_read_message2(&client, message, len2, payload, &len) == ZG_OK, "message 2 is read");
    must_be_same(payload, welcome, sizeof(welcome), "the welcome");
}

static void refuse_what_was_changed(const struct rng *rng)
{
    uint8_t message[MESSAGE_MAX], payload[NOISE_PAYLOAD_MAX];
    size_t len1 = noise_message1_bytes(NOISE_NKHFS, 0);
    size_t len;

    begin(rng, message);
    message[len1 - 1] ^= 1;
    must_hold(noise_read_message1(&relay, message, len1, payload, &len) == ZG_ERR_FORGED,
              "a change is noticed");
}

static void talk(struct noise_cipher *from, struct noise_cipher *to, const struct rng *rng)
{
    static uint8_t said[RECORD_BYTES], heard[RECORD_BYTES], sealed[RECORD_BYTES + NOISE_TAG_BYTES];

    must_be_hidden(from->k, sizeof(from->k), "a direction's key");
    must_be_same(from->k, to->k, sizeof(from->k), "the keys of both sides");
    from->n = to->n = WIRE_REKEY_RECORDS - 2;
    for (int i = 0; i < RECORDS; i++) {
        rng_fill(rng, said, sizeof(said));
        noise_encrypt(from, sealed, said, sizeof(said));
        publish(sealed, sizeof(sealed));
        must_hold(noise_decrypt(to, heard, sealed, sizeof(sealed)) == ZG_OK, "a record is opened");
        must_be_same(said, heard, sizeof(said), "what was said");
    }
    must_be_hidden(to->k, sizeof(to->k), "the key after a change of key");
}

static void subject(void)
{
    const struct rng rng = rng_system();
    struct noise_cipher out, in, relay_in, relay_out;

    shake_hands(&rng);
    noise_split(&client, &out, &in);
    noise_split(&relay, &relay_in, &relay_out);
    talk(&out, &relay_in, &rng);
    talk(&relay_out, &in, &rng);
    refuse_what_was_changed(&rng);
}

int main(int argc, char **argv)
{
    return ctime_run(argc, argv, subject);
}
