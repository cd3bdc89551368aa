/*
 * Where the fields of the public structs lie in WebAssembly's memory, so that JavaScript reads them without counting bytes
 * by hand. One table, read once; the order is that of FIELDS in client/web/core.js.
 */
#include "client/web/layout.h"

#include <stddef.h>

#include <zaguan/client.h>

#define FIELD(type, field) (uint32_t) offsetof(type, field)

static const uint32_t table[] = {
    sizeof(zg_io),
    FIELD(zg_io, kind),
    FIELD(zg_io, link),
    FIELD(zg_io, host),
    FIELD(zg_io, port),
    FIELD(zg_io, data),
    FIELD(zg_io, len),

    sizeof(zg_event),
    FIELD(zg_event, kind),
    FIELD(zg_event, err),
    FIELD(zg_event, conversation),
    FIELD(zg_event, message),
    FIELD(zg_event, value),

    sizeof(zg_message),
    FIELD(zg_message, id),
    FIELD(zg_message, kind),
    FIELD(zg_message, own),
    FIELD(zg_message, newer_version),
    FIELD(zg_message, state),
    FIELD(zg_message, text),
    FIELD(zg_message, text_len),
    FIELD(zg_message, data),
    FIELD(zg_message, data_len),
    FIELD(zg_message, sent_utc_ms),
    FIELD(zg_message, lifetime_s),
    FIELD(zg_message, from),
    FIELD(zg_message, expires_utc_ms),

    sizeof(zg_conversation),
    FIELD(zg_conversation, state),
    FIELD(zg_conversation, safety),
    FIELD(zg_conversation, safety_words),
    FIELD(zg_conversation, alias),

    sizeof(zg_notice),
    FIELD(zg_notice, state),
    FIELD(zg_notice, written_utc_s),
    FIELD(zg_notice, text),

    sizeof(zg_send_options),
    FIELD(zg_send_options, size),
    FIELD(zg_send_options, lifetime_s),
    FIELD(zg_send_options, from),

    sizeof(zg_client_options),
    FIELD(zg_client_options, size),

    sizeof(zg_desk_options),
    FIELD(zg_desk_options, size),
    FIELD(zg_desk_options, relay),
    FIELD(zg_desk_options, voucher),
    FIELD(zg_desk_options, alias),

    sizeof(zg_now),
};

const uint32_t *zg_web_layout(void)
{
    return table;
}

uint32_t zg_web_layout_count(void)
{
    return sizeof(table) / sizeof(table[0]);
}
