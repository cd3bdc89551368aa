/* Secrets become names and handles, and vouchers text. */
#include <string.h>

#include "proto/rng.h"
#include "proto/secret.h"
#include "proto/voucher.h"
#include "tests/ctime/ctime.h"

static void names(const struct rng *rng)
{
    struct secret secret;
    struct name name;
    struct handle handle, hash;

    rng_fill(rng, &secret, sizeof(secret));
    for (enum role role = ROLE_PUT; role <= ROLE_VOUCHER; role++) {
        secret_name(role, secret.b, &name);
        must_be_hidden(&name, sizeof(name), "a name before it is shown");
    }
    rng_fill(rng, &handle, sizeof(handle));
    handle_hash(handle.b, &hash);
    must_be_hidden(&hash, sizeof(hash), "a handle's hash");
}

static void vouchers(const struct rng *rng)
{
    uint8_t secret[WIRE_SECRET_BYTES], parsed[WIRE_SECRET_BYTES];
    char text[VOUCHER_TEXT_LEN + 1];

    rng_fill(rng, secret, sizeof(secret));
    voucher_text(secret, text);
    /* The text is handed on by a person, who sees it; whoever reads it finds out whether each letter is one.
     */
    publish(text, sizeof(text));
    must_hold(voucher_parse(parsed, text, VOUCHER_TEXT_LEN) == ZG_OK, "a voucher is read");
    must_be_same(secret, parsed, sizeof(secret), "a voucher's secret");
}

static void subject(void)
{
    const struct rng rng = rng_system();
    names(&rng);
    vouchers(&rng);
}

int main(int argc, char **argv)
{
    return ctime_run(argc, argv, subject);
}
