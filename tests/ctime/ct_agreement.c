/* Knock, accept, safety words: from her first key to the first envelope that she opens. */
#include <sodium.h>

#include "client/core/safety.h"
#include "tests/ctime/forms.h"

enum { CT_AT = 5 }; /* section 6 */

/* ML-KEM answers a ciphertext that was changed with another key, and takes as long. */
static void refuses_a_changed_knock(struct meeting *m)
{
    struct knock_opened k;
    m->knock.envelope[CT_AT] ^= 1;
    must_hold(knock_open(&k, m->knock.envelope, &m->desk->bundle.trust, &m->desk->epoch) == ZG_ERR_FORGED,
              "a ciphertext that was changed");
    m->knock.envelope[CT_AT] ^= 1;
}

static void subject(void)
{
    struct desk *desk = secret_desk();
    struct meeting *m;
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t frame[RATCHET_FRAME_BYTES];
    uint8_t words[2][SAFETY_WORDS];

    publish_form = publish_knock_form;
    m = meeting_new(desk);
    must_be_hidden(m->knock.ek_p_sk, sizeof(m->knock.ek_p_sk), "EK_P's secret half");
    must_be_hidden(m->opened.start.root, KEY_BYTES, "RK0");
    must_be_same(m->her->own[0].root, m->opened.start.root, KEY_BYTES, "RK0 of both sides");
    refuses_a_changed_knock(m);

    publish_form = publish_frame_form;
    say(m, m->worker, "Hola, soy Luz.", envelope);
    must_hold(hear(m, m->her, envelope, frame, NULL) == ZG_OK, "she accepts");
    must_be_hidden(m->her->peer.root, KEY_BYTES, "the root after the accept");
    must_be_same(m->her->peer.root, m->worker->own[0].root, KEY_BYTES, "the roots of both sides");

    must_hold(safety_check(m->opened.commitment, m->knock.nonce, m->opened.dh) == ZG_OK,
              "n_P is what she committed to");
    safety_words(words[0], m->accept.th2, m->knock.nonce, m->accept.nonce);
    safety_words(words[1], m->context.th2, m->knock.nonce, m->context.nonce);
    must_be_same(words[0], words[1], SAFETY_WORDS, "the words of both sides");
    meeting_free(m);

    /* A worker with another key than the credential says. */
    publish_form = publish_knock_form;
    hide(desk->worker.dh_sk, 1);
    desk->worker.dh_sk[0] ^= 0x10;
    m = meeting_new(desk);
    publish_form = publish_frame_form;
    say(m, m->worker, "Hola, soy Luz.", envelope);
    must_hold(hear(m, m->her, envelope, frame, NULL) == ZG_ERR_FORGED, "another key's accept is refused");
    meeting_free(m);
    desk_free(desk);
}

int main(int argc, char **argv)
{
    return ctime_run(argc, argv, subject);
}
