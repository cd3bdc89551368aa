#include "tests/ctime/forms.h"

enum {
    SECRETS_AT = RATCHET_DH_BYTES + RATCHET_EK_BYTES, /* put, end, commitment: section 6 */
    LENGTH_AT = SECRETS_AT + 3 * 32,
    CONTENT_AT = LENGTH_AT + 2,
    ACCEPT_SECRETS_BYTES = 4 * 32, /* put, end, n_W, MAC at the end of an accept block */
};

struct desk *secret_desk(void)
{
    struct desk *d = desk_new(8);
    d->rng = rng_system();
    hide(d->epoch.intake_sk, sizeof(d->epoch.intake_sk));
    hide(d->epoch.last_resort_sk, sizeof(d->epoch.last_resort_sk));
    hide(d->worker.dh_sk, sizeof(d->worker.dh_sk));
    return d;
}

void publish_knock_form(uint8_t *plain, size_t len)
{
    must_hold(len == KNOCK_FRAME_BYTES, "a knock");
    publish(plain, len);
    struct reader r;
    reader_init(&r, plain + LENGTH_AT, 2);
    hide(plain + CONTENT_AT, reader_u16(&r));
    hide(plain + SECRETS_AT, LENGTH_AT - SECRETS_AT);
}

/* The bytes are those of `plain`, which the frame only points into. */
static void hide_span(uint8_t *plain, const uint8_t *at, size_t len)
{
    if (at != NULL)
        hide(plain + (at - plain), len);
}

void publish_frame_form(uint8_t *plain, size_t len)
{
    struct frame f;
    must_hold(len == RATCHET_FRAME_BYTES, "a frame");
    publish(plain, len);
    must_hold(frame_read(&f, plain) == ZG_OK, "a frame is read");
    hide_span(plain, f.content.at, f.content.len);
    hide_span(plain, f.nonce, 32);
    hide_span(plain, f.rotation, 64);
    if (f.accept.at != NULL)
        hide_span(plain, f.accept.at + f.accept.len - ACCEPT_SECRETS_BYTES, ACCEPT_SECRETS_BYTES);
}
