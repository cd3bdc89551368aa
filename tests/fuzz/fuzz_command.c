/*
 * What a stranger sends as a command. The first byte says which side reads. Whatever is taken has one
 * encoding only: it must come out again as the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[WIRE_COMMAND_BYTES_MAX];
    struct command c;
    struct writer w;

    if (size == 0)
        return 0;
    enum command_side side = (data[0] & 1) == 0 ? COMMAND_FROM_CLIENT : COMMAND_FROM_RELAY;
    if (command_decode(side, data + 1, size - 1, &c) != ZG_OK)
        return 0;
    must(strcmp(op_name(c.op), "UNKNOWN") != 0);
    writer_init(&w, again, sizeof(again));
    must(command_encode(&c, &w) == ZG_OK);
    must(w.len == size - 1 && memcmp(again, data + 1, w.len) == 0);
    return 0;
}
