/* Writes the first inputs of the fuzzers of cards, bundles and envelopes into a folder: corpus_client
 * <folder>. */
#include <stdlib.h>
#include <string.h>

#include "client/core/content.h"
#include "proto/labels.h"
#include "proto/seal.h"
#include "tests/unit/client/meeting.h"

static const char *folder;
static int number;

static void save(const char *name, uint8_t kind, const void *data, size_t len)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s/%02d", folder, name, number++);
    FILE *out = fopen(path, "wb");
    if (out == NULL || fputc(kind, out) == EOF || fwrite(data, 1, len, out) != len || fclose(out) != 0)
        abort();
}

static void save_text(const char *name, uint8_t kind, const char *text)
{
    save(name, kind, text, strlen(text));
}

static void save_cards(const struct desk *d)
{
    char text[CARD_TEXT_BYTES_MAX];
    uint8_t bytes[512];
    struct writer w;
    number = 0;
    MUST(card_text(&d->card, "zaguan:", text, sizeof(text)));
    save_text("card", 0, text);
    MUST(card_text(&d->card, "https://help.example/#", text, sizeof(text)));
    save_text("card", 0, text);
    writer_init(&w, bytes, sizeof(bytes));
    writer_put(&w, "\1\1\2\3a:1\6[::]:9", 14);
    writer_pad(&w, 14 + 96);
    save("card", 1, bytes, w.len);
    save_text("card", 2, "relay.example:7117");
    save_text("card", 2, "[2001:db8::1]:1");
}

/* As many short texts as there may be; an alias of one letter. */
static void save_edges(struct desk *d)
{
    uint8_t notice[512];
    struct worker worker;
    struct writer w;
    writer_init(&w, notice, sizeof(notice));
    writer_put(&w, "\1\1", 2);
    writer_put(&w, d->notice.desk_id, sizeof(d->notice.desk_id));
    writer_u64(&w, MEETING_NOW);
    writer_u8(&w, DESK_AWAY);
    writer_u8(&w, NOTICE_TEXTS_MAX);
    for (int i = 0; i < NOTICE_TEXTS_MAX; i++)
        writer_put(&w, "fr\0\0\0\1x", 7);
    save("bundle", 2, notice, w.len);
    desk_hire(d, &worker, "x");
    save("bundle", 3, worker.encoded, worker.encoded_len - SIGNATURE_BYTES);
}

static void save_bundles(struct desk *d)
{
    static uint8_t plain[BUNDLE_SEALED_MAX];
    uint8_t buf[64];
    struct writer w;
    struct reader r;
    number = 0;
    writer_init(&w, buf, sizeof(buf));
    writer_lp(&w, LABEL_BUNDLE, strlen(LABEL_BUNDLE));
    const struct span ad = {buf, w.len};
    MUST(seal_open(plain, d->bundle_key, &ad, 1, d->sealed, d->sealed_len));
    reader_init(&r, plain, d->sealed_len - SEAL_OVERHEAD);
    struct span key_part = reader_lp(&r, sizeof(plain));
    struct span notice = reader_lp(&r, sizeof(plain));
    save("bundle", 0, plain, 8 + key_part.len + notice.len);
    save("bundle", 1, key_part.at, key_part.len - SIGNATURE_BYTES);
    save("bundle", 2, notice.at, notice.len - SIGNATURE_BYTES);
    save("bundle", 3, d->worker.encoded, d->worker.encoded_len - SIGNATURE_BYTES);
    save("bundle", 4, d->keys.issuing_certificate, ISSUING_CERTIFICATE_BYTES - SIGNATURE_BYTES);
    save("bundle", 5, d->keys.desk_certificate, DESK_CERTIFICATE_BYTES - SIGNATURE_BYTES);
    save_edges(d);
}

static size_t write_content(uint8_t out[256])
{
    struct content c = {.kind = CONTENT_TEXT, .parts = 1, .lifetime_s = 86400};
    struct writer w;
    c.body = (struct span){(const uint8_t *)"a\xc3\xb1o", 4};
    writer_init(&w, out, 256);
    MUST(content_write(&c, &w));
    return w.len;
}

static void save_envelopes(struct desk *d)
{
    struct meeting *m = meeting_new(d);
    uint8_t content[256];
    uint8_t frame[RATCHET_FRAME_BYTES];
    uint8_t secrets[64] = {0};
    number = 0;

    size_t len = write_content(content);
    struct frame f = {.accept = {m->accept.block, m->accept.block_len}, .content = {content, len}};
    MUST(frame_write(&f, frame));
    save("envelope", 0, frame, 1 + m->accept.block_len + 2 + len);
    f = (struct frame){.nonce = secrets, .rotation = secrets, .content = {content, len}};
    MUST(frame_write(&f, frame));
    save("envelope", 0, frame, 1 + 96 + 2 + len);
    save("envelope", 1, content, len);
    static const uint8_t headers[][7] = {
        {5}, {7}, {5, 0x80, 0, 1}, {7, 0x80, 8, 1}, {3, 0x80, 4, 0xff, 0, 3, 1}};
    for (size_t i = 0; i < 5; i++)
        save("envelope", 2, headers[i], i < 2 ? 1 : i < 4 ? 4 : 7);
    save("envelope", 3, "\0", 1);
    save("envelope", 3, "\0\0\10\1", 4);
    static const uint8_t orders[][8] = {
        {0, 4, 3, 6, 0, 12, 3, 14}, {0, 0, 0, 20, 12, 4, 2, 6}, {2, 2, 0, 14, 4, 0, 12, 6}};
    for (size_t i = 0; i < 3; i++)
        save("envelope", 4, orders[i], 8);
    save("envelope", 5, "\0\2\1", 3);
    save("envelope", 5, "\x80\5\6??", 5);
    meeting_free(m);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        abort();
    folder = argv[1];
    struct desk *d = desk_new(11);
    save_cards(d);
    save_bundles(d);
    save_envelopes(d);
    desk_free(d);
    return 0;
}
