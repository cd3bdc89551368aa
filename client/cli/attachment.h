/* Pictures and voice notes as files: what `zaguan chat` and `zaguan send` read, and what a person saves. */
#ifndef CLIENT_CLI_ATTACHMENT_H
#define CLIENT_CLI_ATTACHMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/client.h>

enum { ATTACHMENT_BYTES_MAX = 128 * 1024 };

struct attachment {
    zg_message_kind kind;
    uint8_t *bytes; /* malloc'd */
    size_t len;
};

/* "picture", "voice note". */
const char *attachment_name(zg_message_kind kind);
/*
 * Reads a file that may be sent. Of a JPEG everything goes that is not needed to show it: place, time, camera, thumbnails; also which way is up. Nothing is taken out of a
 * voice note. NULL, or what is
 * wrong, as a sentence; static storage.
 */
const char *attachment_read(struct attachment *out, const char *path);
/* Wipes. */
void attachment_clear(struct attachment *a);
/* Into a new file that only its owner can read. NULL, or what is wrong; static storage, or of strerror. */
const char *attachment_save(const char *path, const uint8_t *bytes, size_t len);
/* A JPEG in place, without what is not needed to show it; *len becomes smaller. false: it is none. */
bool jpeg_strip(uint8_t *bytes, size_t *len);

#endif
