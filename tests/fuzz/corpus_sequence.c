/* The first sequences of commands for fuzz_sequence: of each thing that can happen, one in which it does. */
#include "tests/fuzz/corpus.h"

#include "proto/command.h"
#include "tests/support/support.h"

/* What fuzz_sequence reads: an event, who and how, then what the event asks for. */
enum {
    CONNECT = OP_SLOT_DELETE,
    NONSENSE,
    LISTEN,
    GIVE,
    TIME,
    HOLD,
    STEP,
    FAIL,
    RESTART,
    SETTLES = 2, /* of TIME */
    HOUR = 8,
    DAY = 10,
    WEEK = 12,
};

#define SAY(op) (op) - OP_PING
#define CREATE(thing) SAY(OP_QUEUE_CREATE), 0, thing, 0
#define SUBSCRIBE(who, thing) SAY(OP_SUBSCRIBE), who, thing, 0, 7
#define SEND(who, thing, ttl) SAY(OP_SEND), who, thing, 0, 0, ttl
#define ACK(who) SAY(OP_ACK), who, 0, 3
#define ERASE(who, thing) SAY(OP_QUEUE_DELETE), who, thing, 0
#define RENAME(thing, dress) SAY(OP_QUEUE_UPDATE), 0, thing, (dress) ? 0 : 16, dress
#define PASS(time) TIME, time
#define KNOCK(who, desk, thing, ttl) \
    SAY(OP_CHALLENGE), who, desk, 0, SAY(OP_KNOCK), who, desk, 0, (thing)-2, ttl
#define SLOT(op, ...) SAY(op), 0, 0, __VA_ARGS__

static const uint8_t talk[] = {CREATE(2),       SUBSCRIBE(1, 2), SEND(0, 2, 2), SEND(2, 2, 2), PASS(SETTLES),
                               ACK(1),          SEND(0, 2, 2),   PASS(SETTLES), CONNECT,       1,
                               SUBSCRIBE(0, 2), PASS(SETTLES)};

static const uint8_t waiting[] = {CREATE(2),     SEND(0, 2, 4), SEND(0, 2, 4), PASS(SETTLES),   CREATE(3),
                                  SEND(0, 3, 2), PASS(SETTLES), PASS(DAY),     SUBSCRIBE(1, 2), PASS(HOUR)};

static const uint8_t erased[] = {CREATE(2),       SEND(0, 2, 2), PASS(SETTLES),     SUBSCRIBE(1, 2),
                                 SEND(0, 2, 2),   ERASE(2, 2),   PASS(3 + SETTLES), CREATE(2),
                                 SUBSCRIBE(1, 2), SEND(0, 2, 2)};

static const uint8_t cancelled[] = {CREATE(2),       SEND(0, 2, 2), SAY(OP_CANCEL), 0, 0, PASS(SETTLES),
                                    SUBSCRIBE(1, 2), SEND(0, 2, 2), SAY(OP_CANCEL), 2, 0, PASS(SETTLES)};

static const uint8_t renamed[] = {CREATE(2),     SEND(0, 2, 2),   SUBSCRIBE(1, 2), RENAME(2, 9),
                                  PASS(SETTLES), SEND(0, 2, 2),   RENAME(2, 1),    SUBSCRIBE(2, 2),
                                  RENAME(2, 0),  SUBSCRIBE(2, 2), PASS(SETTLES)};

static const uint8_t late[] = {CREATE(2),
                               HOLD,
                               0,
                               SEND(0, 2, 2),
                               SUBSCRIBE(1, 2),
                               ERASE(2, 2),
                               PASS(SETTLES),
                               STEP,
                               0,
                               STEP,
                               0,
                               SEND(0, 2, 2),
                               PASS(SETTLES),
                               HOLD,
                               0,
                               PASS(SETTLES)};

static const uint8_t failing[] = {CREATE(2),
                                  SEND(0, 2, 2),
                                  FAIL,
                                  0,
                                  PASS(SETTLES),
                                  SUBSCRIBE(1, 2),
                                  SEND(0, 2, 2),
                                  FAIL,
                                  0,
                                  PASS(SETTLES),
                                  FAIL,
                                  2,
                                  CONNECT,
                                  17,
                                  SUBSCRIBE(1, 2),
                                  PASS(SETTLES)};

static const uint8_t again[] = {
    CREATE(2), CREATE(0), SEND(0, 2, 4), PASS(SETTLES), RESTART,        0, SEND(0, 2, 4),
    RESTART,   1,         SEND(0, 2, 4), PASS(WEEK),    SUBSCRIBE(1, 2)};

static const uint8_t knocks[] = {CREATE(0),
                                 SUBSCRIBE(1, 0),
                                 KNOCK(2, 0, 2, 4),
                                 PASS(SETTLES),
                                 KNOCK(2, 0, 3, 2),
                                 SUBSCRIBE(2, 2),
                                 PASS(SETTLES),
                                 SEND(1, 2, 2),
                                 PASS(SETTLES),
                                 SAY(OP_CLAIM),
                                 1,
                                 0,
                                 0,
                                 TIME,
                                 6,
                                 ACK(1),
                                 ERASE(1, 0),
                                 PASS(SETTLES)};

static const uint8_t slots[] = {SLOT(OP_SLOT_CREATE, 3),
                                SLOT(OP_SLOT_SET, 0, 4),
                                SLOT(OP_SLOT_GET, 0),
                                SLOT(OP_SLOT_SET, 0, 3),
                                SLOT(OP_SLOT_UPDATE, 0),
                                SLOT(OP_SLOT_DELETE, 0),
                                PASS(4),
                                SLOT(OP_SLOT_GET, 0)};

static const uint8_t deaf[] = {CREATE(2),     SUBSCRIBE(1, 2), LISTEN, 1, SEND(0, 2, 2), SEND(0, 2, 2),
                               PASS(SETTLES), ERASE(0, 2),     LISTEN, 1, PASS(SETTLES)};

static const uint8_t pieces[] = {CONNECT,
                                 32,
                                 GIVE,
                                 99,
                                 GIVE,
                                 249,
                                 GIVE,
                                 249,
                                 GIVE,
                                 249,
                                 GIVE,
                                 249,
                                 GIVE,
                                 249,
                                 SAY(OP_QUEUE_CREATE),
                                 16,
                                 3,
                                 0,
                                 SAY(OP_PING),
                                 64,
                                 20,
                                 SAY(OP_SUBSCRIBE),
                                 33,
                                 3,
                                 0,
                                 7,
                                 GIVE,
                                 30,
                                 GIVE,
                                 250,
                                 NONSENSE,
                                 2,
                                 0,
                                 0,
                                 129,
                                 131,
                                 1,
                                 2,
                                 3,
                                 4,
                                 5,
                                 6};

static const uint8_t questions[] = {CREATE(0),
                                    SAY(OP_VOUCHER_DRAW),
                                    0,
                                    0,
                                    0,
                                    1,
                                    SEND(0, 0, 0),
                                    SEND(0, 0, 2),
                                    PASS(SETTLES),
                                    PASS(DAY),
                                    PASS(DAY),
                                    SAY(OP_STATUS),
                                    0,
                                    3,
                                    0,
                                    SAY(OP_UNSUBSCRIBE),
                                    0,
                                    0,
                                    PASS(SETTLES)};

/* It is read from the disk while the CANCEL waits for its tick. */
static const uint8_t caught[] = {CREATE(2), SEND(0, 2, 2),   PASS(SETTLES), SAY(OP_CANCEL), 0,
                                 0,         SUBSCRIBE(1, 2), PASS(SETTLES)};

/* The second one waits behind a small window until its time is over. */
static const uint8_t expiring[] = {
    CREATE(2),     SAY(OP_SUBSCRIBE), 1,          2,          0,          0,
    SEND(0, 2, 0), SEND(0, 2, 0),     PASS(HOUR), PASS(HOUR), PASS(HOUR), ACK(1),
    PASS(SETTLES)};

static const uint8_t many[] = {
    CREATE(2),     PASS(DAY),     SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2),
    SEND(0, 2, 2), SEND(0, 2, 2), PASS(SETTLES), SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2),
    SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2), PASS(SETTLES), PASS(DAY),     SEND(0, 2, 2), PASS(SETTLES)};

static const struct span all[] = {
    {talk, sizeof(talk)},           {waiting, sizeof(waiting)},   {erased, sizeof(erased)},
    {cancelled, sizeof(cancelled)}, {renamed, sizeof(renamed)},   {late, sizeof(late)},
    {failing, sizeof(failing)},     {again, sizeof(again)},       {knocks, sizeof(knocks)},
    {slots, sizeof(slots)},         {deaf, sizeof(deaf)},         {pieces, sizeof(pieces)},
    {questions, sizeof(questions)}, {expiring, sizeof(expiring)}, {many, sizeof(many)},
    {caught, sizeof(caught)}};

void corpus_sequences(const char *folder)
{
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        corpus_save(folder, "sequence", i, all[i].at, all[i].len);
}
