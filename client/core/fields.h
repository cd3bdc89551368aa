/*
 * What a struct keeps in an entry of the vault, listed once for both directions: what is written and what is
 * read cannot differ.
 */
#ifndef CLIENT_FIELDS_H
#define CLIENT_FIELDS_H

#include "proto/bytes.h"

struct field {
    uint16_t at, len;
    bool number; /* else bytes as they are */
};

#define FIELD(type, member, number) \
    { \
        offsetof(type, member), sizeof(((type *)0)->member), number \
    }
#define FIELD_BYTES(type, member) FIELD(type, member, false)
/* No other type has a place here. */
#define FIELD_NUMBER(type, member) \
    FIELD(type, member, _Generic(((type *)0)->member, uint32_t : true, uint64_t : true))

struct fields {
    const struct field *list;
    size_t count;
};

#define FIELDS(list) \
    { \
        list, sizeof(list) / sizeof((list)[0]) \
    }

void fields_write(struct writer *w, const struct fields *f, const void *from);
/* Zeros where nothing is left to read. */
void fields_read(struct reader *r, const struct fields *f, void *to);

#endif
