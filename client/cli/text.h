/*
 * Text on its way to a person or a script: a buffer that is wiped when it goes, and what makes a stranger's words harmless
 * in a terminal.
 *
 * stdio is not used for words of conversations: its buffers would keep them.
 */
#ifndef CLIENT_CLI_TEXT_H
#define CLIENT_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *at; /* zero-terminated once something was added */
    size_t len;
    size_t cap;
};

#define TEXT_INIT {NULL, 0, 0}

/* Out of memory ends the program. */
void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const char *s, size_t len);
void text_format(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * Adds UTF-8 from a stranger: control characters as ^X, other invisible ones that could change how a terminal shows
 * things as <U+202E>, bytes that are no UTF-8 as a replacement character. Line ends stay.
 */
void text_add_clean(struct text *t, const char *s, size_t len);
/* As a JSON string with its quotes. Only ASCII control and direction characters are escaped. */
void text_add_json(struct text *t, const char *s, size_t len);

/* Writes all to a descriptor and empties t. false: the other end is gone. */
bool text_flush(struct text *t, int fd);
/* Empties, wiping. */
void text_reset(struct text *t);
void text_clear(struct text *t);

/* --- pieces --- */

/* One character from UTF-8; 0xfffd for what is none. Returns how many bytes it took, at least 1. */
size_t utf8_next(const char *s, size_t len, uint32_t *character);
/* Columns in a terminal: 0, 1 or 2. */
int character_width(uint32_t character);

/* "4 s", "23 min", "5 h", "6 d": rounded up, so that nothing is gone later than said. */
void duration_text(char out[24], uint64_t ms);
/* "5s", "10m", "24h", "7d", up to 30 days; false if it is none. */
bool duration_parse(const char *s, uint32_t *seconds);

#endif
