/*
 * Parts of messages that came in; docs/protocol.md section 7.1. A message of one part is whole at once; the parts of a longer one wait, each
 * with an entry of its own, until all are there.
 */
#ifndef CLIENT_PARTS_H
#define CLIENT_PARTS_H

#include <zaguan/client.h>

#include "client/core/agenda.h"
#include "client/core/content.h"
#include "client/core/journal.h"
#include "client/core/ratchet.h"

struct shift;
struct zg_client;
struct conversation;
struct message;

enum { PARTS_WAITING_MAX = 8 * CONTENT_PARTS_MAX }; /* of one conversation; the oldest go first */

struct part {
    struct part *next;
    struct conversation *conversation;
    struct entry *entry;
    struct agenda_item due;
    uint64_t received_ms;
    uint64_t position; /* among all that the other side sent */
    struct content content; /* its body points into raw */
    size_t raw_len;
    uint8_t raw[RATCHET_FRAME_BYTES]; /* the content as it came */
};

/* An empty one, with its place in the agenda. ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err part_new(struct part **out, struct zg_client *c);
/* ZG_ERR_MALFORMED. raw is copied. */
ZG_MUST_CHECK zg_err part_fill(struct part *p, struct span raw, uint64_t position, uint64_t received_ms);
/* As message_shift. */
void part_shift(struct zg_client *c, struct part *p, const struct shift *s);
void part_free(struct zg_client *c, struct part *p);
void part_forget(struct zg_client *c, struct part *p);

/*
 * Takes p: among the conversation's parts, or freed if it does not agree with the first one seen, was there already, or is too
 * old. Then the message is made if it is complete; without memory, conversation->again.
 */
void parts_add(struct conversation *v, struct part *p);
/* Takes p as it was loaded. */
void parts_attach(struct conversation *v, struct part *p);
/* Makes messages of whatever is complete. */
void parts_join(struct conversation *v);

extern const struct entry_kind part_entry_kind;
ZG_MUST_CHECK zg_err part_load(struct part **out, struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES],
                               struct reader *r, zg_id *conversation);

#endif
