/*
 * The desk of one worker: its queue and bundle at the relay, its keys, and the knocks that come in; docs/protocol.md sections 1, 5
 * and 6.
 *
 *     desk.c           life, what is wanted of the relay, vouchers
 *     desk_papers.c    certificates, credential, a new desk
 *     desk_publish.c   epochs and the bundle
 *     desk_knocks.c    knocks that come in, and the first answer
 *     desk_save.c      to the vault and back
 *
 * Setting up: QUEUE, QUEUE_CREATE with the operator's voucher; DRAW, a voucher for a lasting slot; SLOT, SLOT_CREATE; PUBLISH, SLOT_SET; READY.
 * All secrets are made and stored first, so every stage can be repeated after a crash. REFUSED to QUEUE_CREATE: the desk is dropped
 * again. Afterwards: a new bundle every day and after each change, by compare-and-swap.
 */
#ifndef CLIENT_DESK_H
#define CLIENT_DESK_H

#include <zaguan/client.h>

#include "client/core/agreement.h"
#include "client/core/bundle.h"
#include "client/core/card.h"
#include "client/core/client.h"
#include "client/core/conversation.h"
#include "client/core/organisation.h"
#include "client/core/subscription.h"

enum desk_stage {
    DESK_QUEUE = 1,
    DESK_DRAW = 2,
    DESK_SLOT = 3,
    DESK_PUBLISH = 4,
    DESK_READY = 5,
};

enum {
    DESK_WINDOW = WIRE_WINDOW_MAX, /* knocks that wait stay unacknowledged */
    DESK_EPOCHS_MAX = 160,         /* a day each; last-resort keys live 120 days */
    DESK_VOUCHERS_MAX = 8,
    DESK_VOUCHERS_LOW = 4,
    DESK_DISMISSED_MAX = 1024,
    DESK_WAITING_MAX = 2 * WIRE_WINDOW_MAX, /* knocks in memory: no relay that keeps to the window brings so many */
};

#define DESK_INTAKE_PERIOD_MS (UINT64_C(86400) * 1000)
#define DESK_LAST_RESORT_PERIOD_S (60 * DAY_S)
#define DESK_KEYS_KEPT_S (30 * DAY_S) /* after the end of validity: a knock may wait as long */
/* What is older than a knock can wait is dropped, so this is as long as one can come again; clocks differ by a day. */
#define DESK_DISMISSED_S (DESK_KEYS_KEPT_S + DAY_S)

/* The private half of one bundle. */
struct desk_epoch {
    struct intake_epoch keys;
    struct validity intake;
    struct validity last_resort;
};

/* A knock that was dealt with and is forgotten: if it comes again, it is acknowledged and nothing else. */
struct dismissed {
    zg_id id;
    uint64_t until_ms;
};

/* Everything of a desk that opens something. In sodium_malloc'd memory; saved as it is. */
struct desk_keys {
    struct queue_secrets queue;
    struct secret voucher; /* the operator's, until the queue exists */
    struct secret slot_voucher;
    struct secret slot_write;
    struct secret slot_own;
    uint8_t card_key[32];
    uint8_t publishing_seed[SIGN_SEED_BYTES];
    uint8_t sign_seed[SIGN_SEED_BYTES]; /* the credential's */
    uint8_t dh_sk[32];                  /* IK_W */
    struct secret vouchers[DESK_VOUCHERS_MAX]; /* for conversation queues */
    struct desk_epoch epochs[DESK_EPOCHS_MAX]; /* the newest last */
};

struct desk {
    struct zg_client *client;
    struct entry *entry;
    struct relay_place place;
    struct connection *connection;
    enum desk_stage stage;
    zg_err failed; /* the relay refused it: nothing is tried until the next start */
    bool gone;
    struct desk_keys *keys;

    struct trust trust;
    uint32_t generation;
    uint8_t issuing_certificate[ISSUING_CERTIFICATE_BYTES];
    uint8_t desk_certificate[DESK_CERTIFICATE_BYTES];
    uint8_t credential[CREDENTIAL_BYTES_MAX];
    uint32_t credential_len;
    char alias[ALIAS_BYTES_MAX + 1];
    bool peer_worker;
    struct validity credential_validity;
    uint64_t certificates_until_s;

    uint32_t epoch_count;
    uint64_t epoch_ms;         /* when the newest was made */
    uint64_t last_resort_s;    /* when its last-resort key was made */
    uint8_t intake_pk[XWING_PK_BYTES];      /* of the newest */
    uint8_t last_resort_pk[XWING_PK_BYTES];

    struct notice notice;
    uint64_t slot_version;
    bool publish;      /* the bundle at the relay is not the newest */
    bool publish_again; /* it changed while it was being published */

    uint32_t voucher_count;
    uint32_t vouchers_ready; /* the first ones; the relay knows them */
    uint64_t voucher_stamp;
    uint64_t voucher_retry_ms; /* mono */
    struct dismissed dismissed[DESK_DISMISSED_MAX];
    uint32_t dismissed_count;

    struct call call;        /* setting up and publishing */
    struct call voucher_call;
    struct subscription subscription;
    uint64_t stamp;
    uint64_t retry_ms; /* mono */
};

/* An empty one. ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err desk_new(struct desk **out, struct zg_client *c, const struct relay_place *place);
void desk_move(struct desk *d, enum desk_stage to);
/* Frees; the vault keeps it. NULL-safe. */
void desk_forget(struct desk *d);
void desk_work(struct desk *d);
uint64_t desk_deadline(const struct desk *d);
void desk_touch(struct desk *d);
void desk_touch_stage(struct desk *d);
void desk_pause(struct desk *d, uint32_t seconds);
void desk_card(const struct desk *d, struct card *out);
/* Removes a desk that never came to be. */
void desk_vanish(struct desk *d);
void desk_ask(struct desk *d, struct call *call, struct command *command,
              void (*done)(struct call *, const struct command *, zg_err));

/* A voucher for a conversation queue, of those drawn ahead; false: none now. d may be NULL. */
bool desk_take_voucher(struct desk *d, struct secret *out);
/* One was refused: they are too old, all are drawn anew. d may be NULL. */
void desk_vouchers_spoilt(struct desk *d);

/* --- desk_papers.c --- */

/* Makes everything that does not need the relay. Takes the client's place for a desk. */
ZG_MUST_CHECK zg_err desk_create(struct zg_client *c, const zg_organisation *o, const zg_desk_options *options);
ZG_MUST_CHECK zg_err desk_renew(struct desk *d, const zg_organisation *o);

/* --- desk_publish.c --- */

/* The relay may have an older bundle. */
void desk_republish(struct desk *d);
ZG_MUST_CHECK zg_err desk_set_notice(struct desk *d, int state, const char *language, const char *text);

/* A new intake key, and a new last-resort key if it is time; the bundle is to be published. */
ZG_MUST_CHECK zg_err desk_new_epoch(struct desk *d);
/* Deletes private keys that nobody can need any more. */
void desk_expire_keys(struct desk *d);
void desk_publish_work(struct desk *d);
/* Private keys of an epoch; NULL: not there (any more). */
const struct intake_epoch *desk_epoch_find(const struct desk *d, uint32_t epoch);

/* --- desk_knocks.c --- */

void desk_listen(struct desk *d);
/*
 * Agrees with a waiting knock: after ZG_OK the conversation can seal; desk_accepted when something was sealed, else desk_undo_accept, and
 * everything is as before. ZG_ERR_EXPIRED: the credential; ZG_ERR_MEMORY, ZG_ERR_CRYPTO.
 */
ZG_MUST_CHECK zg_err desk_accept(struct desk *d, struct conversation *v);
void desk_undo_accept(struct conversation *v);
void desk_accepted(struct conversation *v);
/* The knock of v is not wanted any more: acknowledged now or when it comes again. d may be NULL. */
void desk_dismiss(struct desk *d, struct conversation *v);
/* The conversation is forgotten: its knock must not bring it back. d may be NULL. */
void desk_remember(struct desk *d, const zg_id *knock);
/* Claims and acknowledges what was answered. */
void desk_knocks_work(struct desk *d);

/* --- desk_save.c --- */

extern const struct entry_kind desk_entry_kind;
ZG_MUST_CHECK zg_err desk_load(struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES], struct reader *r);

#endif
