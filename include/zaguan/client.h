/*
 * libzaguan: end-to-end encrypted, ephemeral conversations through a Zaguán relay.
 *
 * The client does no I/O and knows no clock. A driver hands in bytes and time; the client hands out connections to
 * open, bytes to send, events to show, and the time at which it wants to be called next. zaguan/uv.h is such a
 * driver for libuv; a poll loop is another (docs/client-library.md has one in full).
 *
 *     loop:  zg_client_io()     until false    what the network must do now
 *            zg_client_event()  until false    what the person should see
 *            wait for the network, a person, or zg_client_deadline()
 *            zg_client_link_*(), zg_client_advance(), or an action
 *
 * Handles are opaque and belong to one thread at a time. Nothing here calls back, except a vault that the program
 * brought. Strings are UTF-8. Sizes are bytes. Specification: docs/protocol.md.
 */
#ifndef ZAGUAN_CLIENT_H
#define ZAGUAN_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>
#include <zaguan/vault.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZG_VERSION "0.1.0"

/* Version of the library that is linked, static storage. */
ZG_API const char *zg_version(void);

typedef struct zg_client zg_client;
typedef struct zg_organisation zg_organisation;

enum { ZG_ID_BYTES = 16 };

/* Names a conversation or a message on this device only; never sent. */
typedef struct zg_id {
    uint8_t b[ZG_ID_BYTES];
} zg_id;

/* Both clocks. mono never goes back, and should go on while the device sleeps; utc is the device's idea of UTC since 1970 and may jump. */
typedef struct zg_now {
    uint64_t mono_ms;
    uint64_t utc_ms;
} zg_now;

typedef struct zg_client_options {
    size_t size;     /* sizeof(zg_client_options) */
    zg_vault *vault; /* taken: closed by zg_client_free, also when zg_client_new fails. NULL: in memory */
    /* Randomness. NULL: the system's (libsodium). Only tests and simulations have a reason to set it. */
    void (*random)(void *ctx, void *out, size_t len);
    void *random_ctx;
    uint32_t lifetime_max_s; /* own limit: no message is shown or kept longer. 0: 30 days */
} zg_client_options;

/*
 * Loading the vault ends with ZG_EVENT_READY or ZG_EVENT_FAILED; until then actions answer ZG_ERR_STATE.
 * ZG_ERR_ARGUMENT, ZG_ERR_MEMORY, ZG_ERR_CRYPTO.
 */
ZG_API ZG_MUST_CHECK zg_err zg_client_new(zg_client **out, const zg_client_options *options, zg_now now);
/* Wipes and frees everything in memory, closes the vault. NULL-safe. What is in the vault stays. */
ZG_API void zg_client_free(zg_client *c);

/* --- the driver's side: network and time --- */

typedef enum zg_io_kind {
    ZG_IO_CONNECT = 1, /* open a TCP connection to host, port; then zg_client_link_opened or _closed */
    ZG_IO_SEND,        /* write data (all of it, in order) to the link */
    ZG_IO_CLOSE,       /* close the link after what was handed out before; no _closed is expected */
} zg_io_kind;

typedef struct zg_io {
    zg_io_kind kind;
    uint32_t link; /* chosen by the client; never used twice */
    const char *host; /* CONNECT: name or address; borrowed until the next call of this client */
    uint16_t port;
    const uint8_t *data; /* SEND: borrowed until the next call of this client */
    size_t len;
} zg_io;

/* The next thing for the network to do; false: nothing now. */
ZG_API bool zg_client_io(zg_client *c, zg_io *out);
ZG_API void zg_client_link_opened(zg_client *c, uint32_t link, zg_now now);
/* Bytes from the link. Those of an unknown link are ignored. */
ZG_API void zg_client_link_received(zg_client *c, uint32_t link, const uint8_t *data, size_t len, zg_now now);
/* The link could not be opened, or ended. The client opens another when it is time. */
ZG_API void zg_client_link_closed(zg_client *c, uint32_t link, zg_now now);

/* Does what is due: retries, expiry, timeouts. Call it at the deadline or at any time. */
ZG_API void zg_client_advance(zg_client *c, zg_now now);
/* mono_ms at which to call zg_client_advance at the latest; UINT64_MAX: no need. */
ZG_API uint64_t zg_client_deadline(const zg_client *c);
/* Whether the device has a network. true at start. While false, nothing is tried; with true, at once, also what was displaced. */
ZG_API void zg_client_network(zg_client *c, bool available, zg_now now);

/* --- events --- */

typedef enum zg_event_kind {
    ZG_EVENT_READY = 1,    /* the vault is loaded */
    ZG_EVENT_FAILED,       /* the vault could not be loaded: err */
    ZG_EVENT_CONNECTED,    /* a relay was reached and proved its key */
    ZG_EVENT_DISCONNECTED, /* it is gone or cannot be reached; it is tried again. Said once for each reason (err) */
    ZG_EVENT_DESK_READY,   /* the desk was set up or its bundle published anew */
    ZG_EVENT_DESK_FAILED,  /* err: REFUSED (voucher spent or unknown), ... */
    ZG_EVENT_KNOCK,        /* at a desk: a new conversation waits for a first answer */
    ZG_EVENT_KNOCK_SENT,   /* the relay keeps the knock; value as in ZG_EVENT_SENT */
    ZG_EVENT_KNOCK_FAILED, /* also of a look. err: FORGED, FOREIGN, EXPIRED (card or bundle, or its words before they could be sent), REFUSED, FULL; the conversation is gone */
    ZG_EVENT_PUZZLE,       /* the knock needs work first: value = effort, 2^effort tries on average */
    ZG_EVENT_ACCEPTED,     /* a worker answered; see zg_client_conversation for who */
    ZG_EVENT_MESSAGE,      /* a message came in */
    ZG_EVENT_SENT,         /* the relay keeps an own message; value: its lifetime in seconds, which was lowered if somebody's limit
                              is below what was asked for */
    ZG_EVENT_NOT_SENT,     /* err; if it is BUSY or FULL the message stays and is tried again, which is said once */
    ZG_EVENT_EXPIRED,      /* a message is gone */
    ZG_EVENT_SAFETY,       /* safety words can be read now. err FORGED: somebody stands between. While she still waits, FORGED,
                              FOREIGN or EXPIRED: somebody answered who may not, and nothing of it is shown */
    ZG_EVENT_ENDED,        /* the other side ended the conversation; a knock that waited is taken back, and gone */
    ZG_EVENT_ERASED,       /* an erase is done at the relay and here */
    ZG_EVENT_STORAGE,      /* the vault could not store: err; it is tried again, nothing is acknowledged meanwhile */
    ZG_EVENT_DISPLACED,    /* another program reads this conversation (zeros: the desk) now; zg_client_network(true) takes
                              it back */
    ZG_EVENT_EXPIRED_UNREAD, /* at a desk: an own message was not read in time; it is gone. Told a day or more after that */
    ZG_EVENT_RELAY_WENT_BACK, /* the relay seems to be an older copy of itself: what it accepted since then may be lost. Everything goes on; said
                                 once each time */
    ZG_EVENT_LOCKER_READY, /* from now on the return phrase works */
    ZG_EVENT_LOCKER_LOST,  /* it does not any more: err. Everything goes on, in memory only */
    ZG_EVENT_RETURNED,     /* a return phrase brought this conversation back */
    ZG_EVENT_RETURN_FAILED, /* err: NOT_FOUND: another phrase, erased, or over, which nobody can tell apart; FORGED, VERSION ...
                               After NOT_FOUND the client is as new; after others it is of no more use */
    ZG_EVENT_CLOSED,       /* another device returned to the conversation: everything is wiped here, and the client of no more use */
    ZG_EVENT_LOOKED,       /* the card is good, and zg_client_notice says what its desk says of itself */
} zg_event_kind;

typedef struct zg_event {
    zg_event_kind kind;
    zg_err err;
    zg_id conversation; /* zeros where it does not apply */
    zg_id message;
    uint32_t value;
} zg_event;

/* The next event; false: none. Events are kept until they are read. */
ZG_API bool zg_client_event(zg_client *c, zg_event *out);

/* --- conversations and messages --- */

typedef enum zg_conversation_state {
    ZG_CONVERSATION_KNOCKING = 1, /* hers: the knock is being sent or waits for an answer */
    ZG_CONVERSATION_WAITING,      /* the worker's: a knock that nobody answered yet */
    ZG_CONVERSATION_OPEN,
    ZG_CONVERSATION_ENDED,        /* by the other side; nothing can be sent; messages go at their time, and it with them
                                     after the own limit at the latest */
    ZG_CONVERSATION_ERASING,      /* waits for the relay */
    ZG_CONVERSATION_LOOKING,      /* hers: zg_client_look, and nothing was sent yet */
} zg_conversation_state;

typedef enum zg_safety_state {
    ZG_SAFETY_NONE = 0,     /* not yet known */
    ZG_SAFETY_WORDS,        /* words can be read; not yet compared */
    ZG_SAFETY_COMPARED,     /* a person said that they agree */
    ZG_SAFETY_MISMATCH,     /* the other side's commitment was broken */
} zg_safety_state;

typedef struct zg_conversation {
    zg_id id;
    zg_conversation_state state;
    zg_safety_state safety;
    uint8_t safety_words[4]; /* indices for zg_safety_word */
    char alias[33];          /* the worker's; empty at a desk */
    uint64_t last_utc_ms;    /* last own or received message */
    uint32_t messages;       /* kept now */
    uint32_t unread;
} zg_conversation;

typedef enum zg_message_state {
    ZG_MESSAGE_RECEIVED = 1, /* not yet read */
    ZG_MESSAGE_READ,
    ZG_MESSAGE_WAITING,      /* own: not yet accepted by the relay */
    ZG_MESSAGE_SENT,         /* own: the relay keeps it, or its reader has it; nobody can tell which */
    ZG_MESSAGE_NOT_SENT,     /* own: refused, or a locker had no room for it; then perhaps without text */
    ZG_MESSAGE_EXPIRED_UNREAD, /* own: not read in time. Once its own time is over, without text, until a person has read that
                                  (zg_client_read), and a day after */
} zg_message_state;

typedef enum zg_lifetime_from { ZG_AFTER_SENT = 0, ZG_AFTER_READ = 1 } zg_lifetime_from;

/* What a message is. The numbers are those of docs/protocol.md section 7.1. */
typedef enum zg_message_kind {
    ZG_MESSAGE_TEXT = 1,
    ZG_MESSAGE_JPEG = 3,       /* a picture */
    ZG_MESSAGE_VOICE_WEBM = 4, /* a voice note: Opus */
    ZG_MESSAGE_VOICE_MP4 = 5,  /* the same: AAC */
} zg_message_kind;

typedef struct zg_message {
    zg_id id;
    zg_message_kind kind;
    bool own;
    bool newer_version; /* a kind this version does not know: say "needs a newer version" */
    zg_message_state state;
    const char *text; /* UTF-8, zero-terminated, text_len without the zero; borrowed until the next call of this client */
    size_t text_len;
    const uint8_t *data; /* of what is no text, which has an empty text; borrowed as well. Comes from the other side: only its first bytes were looked at */
    size_t data_len;
    uint64_t sent_utc_ms; /* to the minute for a received one */
    uint32_t lifetime_s;
    zg_lifetime_from from;
    uint64_t expires_utc_ms; /* 0: not running yet (counts from reading) */
} zg_message;

/* The i-th conversation, the latest first; false: there is none. */
ZG_API bool zg_client_conversation_at(const zg_client *c, size_t i, zg_conversation *out);
ZG_API ZG_MUST_CHECK zg_err zg_client_conversation(const zg_client *c, const zg_id *id, zg_conversation *out);
/* The i-th message of a conversation, the oldest first. */
ZG_API bool zg_client_message_at(const zg_client *c, const zg_id *conversation, size_t i, zg_message *out);
ZG_API ZG_MUST_CHECK zg_err zg_client_message(const zg_client *c, const zg_id *conversation, const zg_id *message,
                                              zg_message *out);

typedef struct zg_send_options {
    size_t size;
    uint32_t lifetime_s; /* 0: a day. Lowered to what the relay keeps at most, and to the conversation's own limit */
    zg_lifetime_from from;
} zg_send_options;

/*
 * Sends text (1 to 64 parts of an envelope: about 80,000 bytes; else ZG_ERR_TOO_LARGE). At a desk, the first send to a waiting knock
 * accepts it. options may be NULL: a day after being read. *message (may be NULL) names it. ZG_ERR_NOT_FOUND, ZG_ERR_STATE (ended),
 * ZG_ERR_MALFORMED (not UTF-8), ZG_ERR_ARGUMENT (empty, lifetime), ZG_ERR_EXPIRED (the own credential is).
 */
ZG_API ZG_MUST_CHECK zg_err zg_client_send(zg_client *c, const zg_id *conversation, const char *text, size_t len,
                                           const zg_send_options *options, zg_id *message, zg_now now);
/*
 * The same for a picture or a voice note, as bytes of its format, about 80,000 at most. Drop what a camera writes into them before: nobody does it here.
 * ZG_ERR_STATE also at a desk before the first answer; ZG_ERR_MALFORMED: it does not begin as files of this kind do.
 */
ZG_API ZG_MUST_CHECK zg_err zg_client_send_data(zg_client *c, const zg_id *conversation, zg_message_kind kind,
                                                const uint8_t *data, size_t len, const zg_send_options *options,
                                                zg_id *message, zg_now now);
/*
 * Own limit for a conversation, 1 s to 30 days; 0: none beside the client's. No message of it stays longer here after it was read or
 * sent, neither those that are there nor those that come; what is written from now on has no longer lifetime at the other side
 * either. Nothing is taken away unread. ZG_ERR_NOT_FOUND, ZG_ERR_ARGUMENT, ZG_ERR_STATE.
 */
ZG_API ZG_MUST_CHECK zg_err zg_client_limit(zg_client *c, const zg_id *conversation, uint32_t lifetime_s, zg_now now);
/* A person has seen the message: starts a lifetime that counts from reading. Nothing is told to the other side. */
ZG_API ZG_MUST_CHECK zg_err zg_client_read(zg_client *c, const zg_id *conversation, const zg_id *message,
                                           zg_now now);
/* A person compared the safety words and they agree. */
ZG_API ZG_MUST_CHECK zg_err zg_client_safety_compared(zg_client *c, const zg_id *conversation, zg_now now);
/*
 * A private note of a person here, such as a code word that was agreed or a doubt: 0 to 200 bytes, zero-terminated; "" takes it away.
 * It is in the vault only, with the conversation, and goes with it; it is never sent. ZG_ERR_NOT_FOUND, ZG_ERR_STATE (a knock that nobody
 * answered, a look; erased), ZG_ERR_TOO_LARGE, ZG_ERR_MALFORMED (not UTF-8), ZG_ERR_ARGUMENT.
 */
enum { ZG_NOTE_BYTES_MAX = 200 };
ZG_API ZG_MUST_CHECK zg_err zg_client_note_set(zg_client *c, const zg_id *conversation, const char *text, zg_now now);
/* The note, "" without one, borrowed until the next call of this client; NULL: no such conversation. */
ZG_API const char *zg_client_note_get(const zg_client *c, const zg_id *conversation);
/*
 * Erases: messages and keys at once here, queues at the relay as soon as it is reached; then ZG_EVENT_ERASED. Needs
 * nobody's consent and cannot be taken back.
 */
ZG_API ZG_MUST_CHECK zg_err zg_client_erase(zg_client *c, const zg_id *conversation, zg_now now);

/* A safety word; language "en", "es" or "fr", others as "en". Static storage. */
ZG_API const char *zg_safety_word(const char *language, uint8_t index);

/* --- a participant --- */

/*
 * Checks a card's text without touching anything. ZG_ERR_TRUNCATED, ZG_ERR_MALFORMED, ZG_ERR_VERSION.
 */
ZG_API ZG_MUST_CHECK zg_err zg_card_check(const char *text, size_t len);

/* Longest text of a knock; more is sent with zg_client_send, which waits for the answer. */
ZG_API size_t zg_knock_text_max(void);

/*
 * Looks at the desk of a card before anything is sent: fetches its bundle and checks it. Nothing is made or changed at the relay, no key is
 * agreed. Then ZG_EVENT_LOOKED, and zg_client_notice; or ZG_EVENT_KNOCK_FAILED. The conversation is LOOKING, in memory only, and becomes
 * the one of a knock with the same card; zg_client_erase forgets it. The same card again: the same conversation, looked at anew if
 * that was 10 minutes ago. Errors now: those of zg_card_check, ZG_ERR_MEMORY, ZG_ERR_STATE: this client has a return phrase, or returns.
 */
ZG_API ZG_MUST_CHECK zg_err zg_client_look(zg_client *c, const char *card, size_t card_len, zg_id *conversation,
                                           zg_now now);

/*
 * Knocks at the desk of a card: fetches its bundle, or takes what zg_client_look fetched in the last 10 minutes; checks it, sends. Errors now:
 * those of zg_client_look, ZG_ERR_TOO_LARGE, ZG_ERR_MALFORMED (text); later ones come as ZG_EVENT_KNOCK_FAILED.
 */
ZG_API ZG_MUST_CHECK zg_err zg_client_knock(zg_client *c, const char *card, size_t card_len, const char *text,
                                            size_t len, const zg_send_options *options, zg_id *conversation,
                                            zg_now now);

/*
 * --- coming back: docs/protocol.md section 8.1 ---
 *
 * A return phrase is a number below 2^66. Whoever knows it comes back to a conversation from any device, as far as its messages have not
 * expired. It opens a locker at the relay, which holds the client's sealed state and is overwritten at every step; so every message
 * costs some 17 KB more, and whoever learns the phrase reads what has not expired. Only for clients without a vault of their own.
 */
enum { ZG_PHRASE_DIGITS = 20, ZG_LOCKER_SECRET_BYTES = 128 };

/* A new phrase: 20 digits and a zero. It is shown once, and kept nowhere: wipe it after use. */
ZG_API void zg_phrase_new(char out[ZG_PHRASE_DIGITS + 1]);
/*
 * The secret of the locker that a phrase opens, with any card of the organisation. Takes a second or so and 32 MiB, and touches no client, so it may run
 * in another thread. Spaces and hyphens do not count. ZG_ERR_TRUNCATED, ZG_ERR_TOO_LARGE: not 20 digits; ZG_ERR_MALFORMED: no digit, or
 * no number that is a phrase; of the card: those of zg_card_check; ZG_ERR_MEMORY. Wipe out after use.
 */
ZG_API ZG_MUST_CHECK zg_err zg_phrase_stretch(const char *card, size_t card_len, const char *phrase, size_t len,
                                              uint8_t out[ZG_LOCKER_SECRET_BYTES]);
/*
 * Makes a locker for the one conversation of this client, once its knock is kept: then ZG_EVENT_LOCKER_READY or _LOST. ZG_ERR_NOT_FOUND;
 * ZG_ERR_STATE: the knock is not kept yet, there is or was a locker already, it is a worker's, the client has a vault or another
 * conversation. ZG_ERR_MEMORY.
 */
ZG_API ZG_MUST_CHECK zg_err zg_client_locker_new(zg_client *c, const zg_id *conversation,
                                                 const uint8_t secret[ZG_LOCKER_SECRET_BYTES], zg_now now);
/*
 * Comes back with a new client: ZG_EVENT_RETURNED or _FAILED, as soon as the relay is reached. The device that had the conversation gets
 * ZG_EVENT_CLOSED. Errors of zg_card_check; ZG_ERR_STATE: the client has a vault, a conversation (a look is none) or a locker. ZG_ERR_MEMORY.
 */
ZG_API ZG_MUST_CHECK zg_err zg_client_return(zg_client *c, const char *card, size_t card_len,
                                             const uint8_t secret[ZG_LOCKER_SECRET_BYTES], zg_now now);

typedef struct zg_notice {
    int state;           /* 1 on duty, 2 away (a new desk is, until zg_client_desk_notice; 12 hours after it was written "on duty" is), 3 ended */
    uint64_t written_utc_s;
    const char *text;    /* in the language asked for, or the first; may be empty; borrowed until the next call */
} zg_notice;

/* What the desk says of itself; after the bundle arrived (ZG_EVENT_LOOKED, or ZG_EVENT_KNOCK_SENT at the latest), as of the time of the
 * last call that took it. ZG_ERR_NOT_FOUND. */
ZG_API ZG_MUST_CHECK zg_err zg_client_notice(const zg_client *c, const zg_id *conversation, const char *language,
                                             zg_notice *out);

/* --- an organisation and a desk of one worker --- */

/* A new organisation: root key and issuing key, in memory. random as in zg_client_options. */
ZG_API ZG_MUST_CHECK zg_err zg_organisation_new(zg_organisation **out, zg_now now);
/* As bytes for safe keeping: the secret of the whole organisation, ZG_ORGANISATION_BYTES. Wipe them after use. */
enum { ZG_ORGANISATION_BYTES = 2 + 32 + 32 + 114 };
ZG_API void zg_organisation_save(const zg_organisation *o, uint8_t out[ZG_ORGANISATION_BYTES]);
ZG_API ZG_MUST_CHECK zg_err zg_organisation_load(zg_organisation **out, const uint8_t *saved, size_t len);
/*
 * The root key as words, to be kept on paper; language "en", "es" or "fr". Static storage, but which words they are is the secret
 * of the whole organisation: wipe out after use.
 */
enum { ZG_ORGANISATION_WORDS = 34 };
ZG_API void zg_organisation_words(const zg_organisation *o, const char *language,
                                  const char *out[ZG_ORGANISATION_WORDS]);
/*
 * The organisation of these words, in any of the languages; case, accents and whatever stands between words do not matter.
 * It is the same as before for its desks and cards. For an organisation whose keys were made before this function existed,
 * desks have to be renewed with it once before they can answer first messages.
 *
 * ZG_ERR_TRUNCATED: *wrong words were understood, more are to come; ZG_ERR_NOT_FOUND: word *wrong (from 1) is in no list;
 * ZG_ERR_TOO_LARGE: more than 34; ZG_ERR_MALFORMED: words are wrong or changed places; if it is a single wrong one, *wrong is
 * its number; with more, *wrong means nothing, and may be 0.
 */
ZG_API ZG_MUST_CHECK zg_err zg_organisation_restore(zg_organisation **out, const char *text, size_t len, size_t *wrong,
                                                    zg_now now);
/* Wipes. NULL-safe. */
ZG_API void zg_organisation_free(zg_organisation *o);

typedef struct zg_desk_options {
    size_t size;
    const char *relay;   /* "host:port/key" as zaguan-relay prints it */
    const char *voucher; /* as zaguan-relay prints it */
    const char *alias;   /* the worker's name as participants read it, 1 to 32 bytes */
    bool peer_worker;
    const char *notice;  /* hours, languages: what a participant reads first; may be NULL */
    const char *notice_language; /* "en"; may be NULL */
} zg_desk_options;

/*
 * Makes this client the one worker of a new desk of the organisation (borrowed until return). The relay's part follows;
 * then ZG_EVENT_DESK_READY or _FAILED. ZG_ERR_STATE: there is a desk in this vault already. ZG_ERR_MALFORMED: relay or voucher;
 * ZG_ERR_TRUNCATED: voucher; ZG_ERR_ARGUMENT: alias.
 */
ZG_API ZG_MUST_CHECK zg_err zg_client_desk_create(zg_client *c, const zg_organisation *o,
                                                  const zg_desk_options *options, zg_now now);
/* A new credential (30 days), and certificates if they end soon. ZG_ERR_STATE, ZG_ERR_FOREIGN. */
ZG_API ZG_MUST_CHECK zg_err zg_client_desk_renew(zg_client *c, const zg_organisation *o, zg_now now);
/* Changes what participants read; state as in zg_notice. Published as soon as the relay is reached. "On duty" counts for 12 hours. */
ZG_API ZG_MUST_CHECK zg_err zg_client_desk_notice(zg_client *c, int state, const char *language, const char *text,
                                                  zg_now now);

typedef struct zg_desk {
    bool ready;
    char alias[33];
    uint64_t credential_until_utc_s;
} zg_desk;

/* ZG_ERR_NOT_FOUND: no desk in this vault. */
ZG_API ZG_MUST_CHECK zg_err zg_client_desk(const zg_client *c, zg_desk *out);

/*
 * The desk's contact card as text. prefix: "zaguan:" or "https://host/#". ZG_ERR_NOT_FOUND, ZG_ERR_STATE (not
 * set up yet), ZG_ERR_TOO_LARGE. 1,024 bytes suffice.
 */
ZG_API ZG_MUST_CHECK zg_err zg_client_card(const zg_client *c, const char *prefix, char *out, size_t cap);

#ifdef __cplusplus
}
#endif

#endif
