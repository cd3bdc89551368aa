#define _POSIX_C_SOURCE 200809L

#include "client/cli/attachment.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *attachment_name(zg_message_kind kind)
{
    return kind == ZG_MESSAGE_JPEG ? "picture" : "voice note";
}

/* --- JPEG: ITU T.81, annex B --- */

enum {
    MARKER = 0xff,
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
    RST_FIRST = 0xd0,
    RST_LAST = 0xd7,
    FRAME_FIRST = 0xc0, /* frames, Huffman and arithmetic tables */
    FRAME_LAST = 0xcf,
    TABLE_FIRST = 0xdb, /* quantization, lines, restarts, hierarchies */
    TABLE_LAST = 0xdf,
    APP_FIRST = 0xe0,
    APP_ADOBE = 0xee, /* how colours are stored */
    APP_LAST = 0xef,
    COM = 0xfe,
    ADOBE_BYTES = 2 + 14,
};

enum fate { KEEP, DROP, UNKNOWN };

static enum fate fate_of(const uint8_t *segment, size_t len)
{
    uint8_t marker = segment[1];
    if (marker == APP_ADOBE && len == ADOBE_BYTES && memcmp(segment + 4, "Adobe", 5) == 0)
        return KEEP;
    if (marker == COM || (marker >= APP_FIRST && marker <= APP_LAST))
        return DROP;
    if (marker == SOS || (marker >= FRAME_FIRST && marker <= FRAME_LAST) ||
        (marker >= TABLE_FIRST && marker <= TABLE_LAST))
        return KEEP;
    return UNKNOWN;
}

/* End of the compressed data that begins at `at`: the next marker that is no part of it; len: there is none. */
static size_t end_of_scan(const uint8_t *bytes, size_t at, size_t len)
{
    for (; at + 1 < len; at++)
        if (bytes[at] == MARKER && bytes[at + 1] != 0 && bytes[at + 1] != MARKER &&
            (bytes[at + 1] < RST_FIRST || bytes[at + 1] > RST_LAST))
            return at;
    return len;
}

/* Length of the segment at `at`, marker included; 0: it is none, or not whole. */
static size_t segment(const uint8_t *bytes, size_t at, size_t len)
{
    if (at + 4 > len || bytes[at] != MARKER)
        return 0;
    size_t n = 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    return n < 4 || n > len - at ? 0 : n;
}

bool jpeg_strip(uint8_t *bytes, size_t *len)
{
    size_t at = 2, to = 2;
    bool scan = false;

    if (*len < 4 || bytes[0] != MARKER || bytes[1] != SOI)
        return false;
    while (at + 2 <= *len && !(bytes[at] == MARKER && bytes[at + 1] == EOI)) {
        size_t n = segment(bytes, at, *len);
        enum fate fate = n == 0 ? UNKNOWN : fate_of(bytes + at, n);
        if (fate == UNKNOWN)
            return false;
        if (bytes[at + 1] == SOS) {
            n = end_of_scan(bytes, at + n, *len) - at;
            scan = true;
        }
        if (fate == KEEP) {
            memmove(bytes + to, bytes + at, n);
            to += n;
        }
        at += n;
    }
    if (!scan || at + 2 > *len)
        return false;
    bytes[to++] = MARKER;
    bytes[to++] = EOI;
    sodium_memzero(bytes + to, *len - to);
    *len = to;
    return true;
}

/* --- files --- */

static const char *recognise(struct attachment *a)
{
    static const struct {
        zg_message_kind kind;
        size_t at;
        const char *bytes;
        size_t len;
    } known[] = {
        {ZG_MESSAGE_JPEG, 0, "\xff\xd8\xff", 3},
        {ZG_MESSAGE_VOICE_WEBM, 0, "\x1a\x45\xdf\xa3", 4},
        /* No other brand: films and pictures (HEIC, AVIF) begin so too, with place and time in them. */
        {ZG_MESSAGE_VOICE_MP4, 4, "ftypM4A ", 8},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (a->len >= known[i].at + known[i].len && memcmp(a->bytes + known[i].at, known[i].bytes, known[i].len) == 0)
            a->kind = known[i].kind;
    if (a->kind == 0)
        return "this is no JPEG picture and no voice note (WebM or M4A); convert it first";
    if (a->kind == ZG_MESSAGE_JPEG && !jpeg_strip(a->bytes, &a->len))
        return "this JPEG is damaged; save it anew with another program";
    return NULL;
}

static const char *read_all(struct attachment *a, int fd)
{
    for (;;) {
        ssize_t n = read(fd, a->bytes + a->len, ATTACHMENT_BYTES_MAX - a->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return strerror(errno);
        if (n == 0)
            return NULL;
        a->len += (size_t)n;
        if (a->len == ATTACHMENT_BYTES_MAX)
            return "this is too large: about 80 KB can be sent; make the picture smaller, or the note shorter";
    }
}

const char *attachment_read(struct attachment *out, const char *path)
{
    memset(out, 0, sizeof(*out));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return strerror(errno);
    out->bytes = malloc(ATTACHMENT_BYTES_MAX);
    const char *why = out->bytes == NULL ? "out of memory" : read_all(out, fd);
    close(fd);
    if (why == NULL)
        why = recognise(out);
    if (why != NULL)
        attachment_clear(out);
    return why;
}

void attachment_clear(struct attachment *a)
{
    if (a->bytes != NULL)
        sodium_memzero(a->bytes, ATTACHMENT_BYTES_MAX);
    free(a->bytes);
    memset(a, 0, sizeof(*a));
}

static const char *write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR)
            return strerror(errno);
        bytes += n < 0 ? 0 : n;
        len -= n < 0 ? 0 : (size_t)n;
    }
    return NULL;
}

const char *attachment_save(const char *path, const uint8_t *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return errno == EEXIST ? "there is a file of this name; choose another" : strerror(errno);
    const char *why = write_all(fd, bytes, len);
    if (close(fd) != 0 && why == NULL)
        why = strerror(errno);
    if (why != NULL)
        unlink(path);
    return why;
}
