/* What a person does with a card: looks, looks again, knocks; docs/protocol.md section 5.2. */
#include <sodium.h>
#include <string.h>

#include "client/core/knocking.h"

bool knocking_is_of(const struct knocking *k, const struct card *card)
{
    const struct relay_place *place = &k->conversation->place;
    return sodium_memcmp(k->card.card_key, card->card_key, sizeof(card->card_key)) == 0 &&
           memcmp(k->card.organisation, card->organisation, sizeof(card->organisation)) == 0 &&
           memcmp(place->pk, card->relay_pk, sizeof(place->pk)) == 0 && place->count == card->count &&
           memcmp(place->address, card->address, sizeof(place->address)) == 0;
}

static bool fresh(const struct knocking *k)
{
    return k->conversation->client->now.mono_ms < k->looked_ms + KNOCKING_FRESH_MS;
}

bool knocking_wants_relay(const struct knocking *k)
{
    return k->stage != KNOCKING_LOOKED || fresh(k);
}

void knocking_look(struct knocking *k)
{
    struct conversation *v = k->conversation;
    if (k->stage != KNOCKING_LOOKED)
        return;
    if (fresh(k))
        client_event(v->client, ZG_EVENT_LOOKED, ZG_OK, v, NULL, 0);
    else
        knocking_move(k, KNOCKING_FETCH);
}

void knocking_begin(struct knocking *k, const struct message *m)
{
    bool there = k->stage == KNOCKING_LOOKED && fresh(k);

    k->message = m->id;
    k->ttl = lifetime_class(m->lifetime_s, m->from);
    if (k->stage == KNOCKING_LOOKED)
        knocking_move(k, KNOCKING_FETCH);
    if (there)
        knocking_bundle(k);
}
