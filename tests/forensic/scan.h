/*
 * Looks for bytes everywhere a program may have left them: files of a folder, files that it has open though they were
 * deleted, its memory.
 */
#ifndef TESTS_FORENSIC_SCAN_H
#define TESTS_FORENSIC_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { WANTED_MAX = 512, WANTED_BYTES = 32, WANTED_WHAT = 64, WANTED_WHERE = 192 };

/* What is looked for. Of something long, a few pieces from its middle: what is freed loses its first bytes at once. */
struct wanted {
    struct {
        char what[WANTED_WHAT];
        uint8_t bytes[WANTED_BYTES];
        size_t len;
        uint32_t times;
        char where[WANTED_WHERE]; /* first seen */
    } items[WANTED_MAX];
    size_t count;
};

void wanted_add(struct wanted *w, const char *what, const void *bytes, size_t len);
/* Forgets what was found. */
void wanted_reset(struct wanted *w);
/* Moves items whose bytes stand in `in` out of the list: they are still there by right. */
void wanted_drop(struct wanted *w, const void *in, size_t len);
/* Takes items of this kind out of the list: they may stay for another reason. */
void wanted_forgive(struct wanted *w, const char *what);
/* Items of this kind (all if NULL) that were found, or were not. */
size_t wanted_found(const struct wanted *w, const char *what);
size_t wanted_missing(const struct wanted *w, const char *what);

/* Each looks for all items. where: said with what is found. */
void scan_bytes(struct wanted *w, const char *where, const uint8_t *data, size_t len);
/* Every file of the folder and below. */
void scan_folder(struct wanted *w, const char *path);
/* Regular files that the process has open, deleted ones too. */
void scan_open_files(struct wanted *w, pid_t pid, const char *who);
/* Every page that can be read. The bytes that were read; 0: it is not allowed. */
size_t scan_memory(struct wanted *w, pid_t pid, const char *who);

#endif
