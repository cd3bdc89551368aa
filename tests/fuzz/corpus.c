/* Writes the first inputs of the fuzzers into a folder: zg_corpus <folder>. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/record.h"
#include "tests/support/samples.h"
#include "tests/support/support.h"

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "corpus: %s\n", what);
    exit(1);
}

static void save(const char *folder, const char *name, size_t number, const uint8_t *data, size_t len)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s/%02zu", folder, name, number);
    FILE *out = fopen(path, "wb");
    must(out != NULL && fwrite(data, 1, len, out) == len && fclose(out) == 0, path);
}

/* A byte for the side, then the command. */
static void save_commands(const char *folder)
{
    uint8_t buf[1 + WIRE_COMMAND_BYTES_MAX];
    struct writer w;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        writer_init(&w, buf, sizeof(buf));
        writer_u8(&w, all[i].side == COMMAND_FROM_CLIENT ? 0 : 1);
        must(command_encode(&all[i].command, &w) == ZG_OK, all[i].fields);
        save(folder, "command", i, buf, w.len);
    }
}

/* Plaintexts: nothing, one small unit, several, and one that fills its record. */
static void save_records(const char *folder)
{
    static const size_t cases[][4] = {{0}, {3}, {3, 7, 110}, {125}, {4318}, {2000, 2316}};
    static uint8_t plain[WIRE_RECORD_PLAIN_MAX];
    size_t i;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct record_writer r;
        record_begin(&r, plain);
        for (size_t k = 0; k < 4 && cases[i][k] != 0; k++) {
            struct writer unit = record_unit_begin(&r);
            memset(writer_reserve(&unit, cases[i][k]), (int)k + 1, cases[i][k]);
            must(record_unit_end(&r, &unit) == ZG_OK, "unit");
        }
        save(folder, "record", i, plain, record_finish(&r));
    }
    /* And one as it stands on the wire. */
    memset(plain, 0, 146);
    plain[1] = 144;
    save(folder, "record", i, plain, 146);
}

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

static void save_sequences(const char *folder)
{
    static const uint8_t talk[] = {
        CREATE(2),       SUBSCRIBE(1, 2), SEND(0, 2, 2), SEND(2, 2, 2), PASS(SETTLES),
        ACK(1),          SEND(0, 2, 2),   PASS(SETTLES), CONNECT,       1,
        SUBSCRIBE(0, 2), PASS(SETTLES)};
    static const uint8_t waiting[] = {CREATE(2),       SEND(0, 2, 4), SEND(0, 2, 4), PASS(SETTLES),
                                      CREATE(3),       SEND(0, 3, 2), PASS(SETTLES), PASS(DAY),
                                      SUBSCRIBE(1, 2), PASS(HOUR)};
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
    static const uint8_t many[] = {CREATE(2),     PASS(DAY),     SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2),
                                   SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2), PASS(SETTLES),
                                   SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2), SEND(0, 2, 2),
                                   SEND(0, 2, 2), SEND(0, 2, 2), PASS(SETTLES), PASS(DAY),     SEND(0, 2, 2),
                                   PASS(SETTLES)};
    static const struct span all[] = {
        {talk, sizeof(talk)},           {waiting, sizeof(waiting)},   {erased, sizeof(erased)},
        {cancelled, sizeof(cancelled)}, {renamed, sizeof(renamed)},   {late, sizeof(late)},
        {failing, sizeof(failing)},     {again, sizeof(again)},       {knocks, sizeof(knocks)},
        {slots, sizeof(slots)},         {deaf, sizeof(deaf)},         {pieces, sizeof(pieces)},
        {questions, sizeof(questions)}, {expiring, sizeof(expiring)}, {many, sizeof(many)},
        {caught, sizeof(caught)}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        save(folder, "sequence", i, all[i].at, all[i].len);
}

int main(int argc, char **argv)
{
    must(argc == 2, "usage: corpus FOLDER");
    must(sodium_init() >= 0, "libsodium");
    save_commands(argv[1]);
    save_records(argv[1]);
    save_sequences(argv[1]);
    return 0;
}
