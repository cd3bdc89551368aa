#include "client/core/fields.h"

void fields_write(struct writer *w, const struct fields *f, const void *from)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct field *field = &f->list[i];
        const void *at = (const uint8_t *)from + field->at;
        if (!field->number)
            writer_put(w, at, field->len);
        else if (field->len == sizeof(uint32_t))
            writer_u32(w, *(const uint32_t *)at);
        else
            writer_u64(w, *(const uint64_t *)at);
    }
}

void fields_read(struct reader *r, const struct fields *f, void *to)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct field *field = &f->list[i];
        void *at = (uint8_t *)to + field->at;
        if (!field->number)
            reader_copy(r, at, field->len);
        else if (field->len == sizeof(uint32_t))
            *(uint32_t *)at = reader_u32(r);
        else
            *(uint64_t *)at = reader_u64(r);
    }
}
