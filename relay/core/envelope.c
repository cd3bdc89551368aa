#include "relay/core/store.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct envelope *envelope_new(const uint8_t bytes[WIRE_ENVELOPE_BYTES])
{
    struct envelope *e = malloc(sizeof(*e));
    if (e == NULL)
        return NULL;
    e->refs = 1;
    memcpy(e->bytes, bytes, sizeof(e->bytes));
    return e;
}

struct envelope *envelope_ref(struct envelope *e)
{
    e->refs++;
    return e;
}

void envelope_unref(struct envelope *e)
{
    if (e == NULL)
        return;
    assert(e->refs > 0);
    if (--e->refs > 0)
        return;
    /* Forgotten means that an image of this memory does not hold it either. */
    sodium_memzero(e, sizeof(*e));
    free(e);
}
