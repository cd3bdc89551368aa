/* Writes the first inputs of the fuzzers into a folder: zg_corpus <folder>. */
#include "tests/fuzz/corpus.h"

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

void corpus_save(const char *folder, const char *name, size_t number, const uint8_t *data, size_t len)
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
        corpus_save(folder, "command", i, buf, w.len);
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
        corpus_save(folder, "record", i, plain, record_finish(&r));
    }
    /* And one as it stands on the wire. */
    memset(plain, 0, 146);
    plain[1] = 144;
    corpus_save(folder, "record", i, plain, 146);
}

int main(int argc, char **argv)
{
    must(argc == 2, "usage: corpus FOLDER");
    must(sodium_init() >= 0, "libsodium");
    save_commands(argv[1]);
    save_records(argv[1]);
    corpus_sequences(argv[1]);
    return 0;
}
