/* Content of a message: kind, parts, lifetime; docs/protocol.md section 7.1. */
#ifndef CLIENT_CONTENT_H
#define CLIENT_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#include "proto/bytes.h"

enum {
    CONTENT_ID_BYTES = 8,
    CONTENT_PARTS_MAX = 64,
    CONTENT_OVERHEAD_MAX = 40, /* of one part, beside its body */
    CONTENT_LIFETIME_MAX_S = 30 * 86400,
};

/* Others: "needs a newer version". What is neither text nor filler is bytes of one format. */
enum content_kind {
    CONTENT_TEXT = 1,
    CONTENT_FILLER = 2,
    CONTENT_JPEG = 3,
    CONTENT_VOICE_WEBM = 4, /* Opus */
    CONTENT_VOICE_MP4 = 5,  /* AAC */
};
enum lifetime_from { LIFETIME_FROM_SENT = 0, LIFETIME_FROM_READ = 1 };

struct content {
    uint32_t kind;
    uint8_t id[CONTENT_ID_BYTES];
    uint32_t part;  /* from 0 */
    uint32_t parts; /* 1 to CONTENT_PARTS_MAX */
    uint32_t sent_minute; /* UTC minutes since 1970 */
    uint32_t lifetime_s;  /* 1 s to 30 days */
    enum lifetime_from from;
    struct span body; /* borrowed */
};

ZG_MUST_CHECK zg_err content_write(const struct content *c, struct writer *w);
/* ZG_ERR_MALFORMED. */
ZG_MUST_CHECK zg_err content_read(struct content *out, struct span in);

/* Number of envelopes for `parts` parts: the next power of two. */
uint32_t content_envelopes(uint32_t parts);

/* Whether this version can show it. */
bool content_kind_known(uint32_t kind);
/* Whether these bytes are a message of this kind: UTF-8, or what begins as files of the format do. */
bool content_ok(uint32_t kind, const uint8_t *bytes, size_t len);

/*
 * Where to cut UTF-8 text so that a part has at most `room` bytes: never inside a character. Returns how many of the
 * first len bytes to take.
 */
size_t content_cut(const uint8_t *text, size_t len, size_t room);
/* Whether it is valid UTF-8 (RFC 3629). */
int content_utf8_ok(const uint8_t *text, size_t len);

#endif
