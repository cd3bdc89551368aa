#define _POSIX_C_SOURCE 200809L

#include "client/cli/qr.h"

#include <errno.h>
#include <png.h>
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/common.h"

enum { MARGIN = 4, PIXELS = 8 };

static QRcode *encode(const char *content)
{
    return QRcode_encodeString(content, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
}

/* Coordinates may lie in the margin. */
static bool is_dark(const QRcode *q, int x, int y)
{
    return x >= 0 && y >= 0 && x < q->width && y < q->width && (q->data[y * q->width + x] & 1) != 0;
}

/* --- terminal --- */

/*
 * The characters draw the light modules, on a dark terminal as on a light one: readers know inverted codes, and colour
 * sequences would not survive a pipe.
 */
static const char *block(bool light_above, bool light_below)
{
    if (light_above)
        return light_below ? "\xe2\x96\x88" : "\xe2\x96\x80";
    return light_below ? "\xe2\x96\x84" : " ";
}

bool qr_add_terminal(struct text *out, const char *content)
{
    QRcode *q = encode(content);
    if (q == NULL)
        return false;
    for (int y = -2; y < q->width + 2; y += 2) {
        for (int x = -2; x < q->width + 2; x++)
            text_add(out, block(!is_dark(q, x, y), !is_dark(q, x, y + 1)));
        text_add(out, "\n");
    }
    QRcode_free(q);
    return true;
}

/* --- PNG --- */

static void draw_row(const QRcode *q, int y, png_byte *row, int modules)
{
    for (int x = 0; x < modules; x++)
        memset(row + x * PIXELS, is_dark(q, x - MARGIN, y - MARGIN) ? 0 : 255, PIXELS);
}

/* libpng reports errors by jumping back to setjmp in here, so nothing is allocated after it. */
static bool write_image(FILE *f, const QRcode *q, png_byte *row)
{
    const int modules = q->width + 2 * MARGIN;
    png_infop info = NULL;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    if (png == NULL)
        return false;
    if (setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_write_struct(&png, NULL);
        return false;
    }
    info = png_create_info_struct(png);
    png_init_io(png, f);
    png_set_IHDR(png, info, (png_uint_32)(modules * PIXELS), (png_uint_32)(modules * PIXELS), 8, PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < modules; y++) {
        draw_row(q, y, row, modules);
        for (int i = 0; i < PIXELS; i++)
            png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_info_struct(png, &info);
    png_destroy_write_struct(&png, NULL);
    return true;
}

bool qr_write_png(const char *path, const char *content)
{
    bool written = false;
    QRcode *q = encode(content);
    if (q == NULL) {
        say("the card is too long for a QR code");
        return false;
    }
    png_byte *row = malloc((size_t)(q->width + 2 * MARGIN) * PIXELS);
    FILE *f = fopen(path, "wb");
    if (f != NULL && row != NULL)
        written = write_image(f, q, row);
    if (f != NULL && fclose(f) != 0)
        written = false;
    if (!written)
        say("cannot write %s: %s", path, strerror(errno));
    free(row);
    QRcode_free(q);
    return written;
}
