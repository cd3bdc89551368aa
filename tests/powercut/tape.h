/*
 * What was done to a disk, in the order in which it was done, and what may be left of it when the power goes.
 *
 * A file is a number; a name in the folder points to one. As on a real file system, three things become
 * durable apart from each other: the bytes of a file when that file is synced, the names when the folder is
 * synced, and nothing at all by the passing of time.
 */
#ifndef TESTS_POWERCUT_TAPE_H
#define TESTS_POWERCUT_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/support.h"

enum { TAPE_NAME_BYTES = 80, TAPE_FILES_MAX = 1024, TAPE_NAMES_MAX = 256 };

enum event_kind {
    EVENT_CREATE,      /* name points to the new file */
    EVENT_DELETE,      /* name points to nothing */
    EVENT_FOLDER_SYNC, /* all names are durable */
    EVENT_WRITE,
    EVENT_TRUNCATE, /* at: the new size */
    EVENT_SYNC,     /* all bytes of the file are durable */
    EVENT_MARK,     /* at: the workload's step that is done, and was answered */
};

struct event {
    enum event_kind kind;
    uint32_t file;
    uint64_t at;
    size_t len, data; /* of a write: where its bytes lie in the tape */
    char name[TAPE_NAME_BYTES];
};

struct tape {
    struct event *events;
    size_t count, cap;
    uint8_t *data;
    size_t data_len, data_cap;
};

void tape_clear(struct tape *t);
void tape_add(struct tape *t, const struct event *e, const void *data);
void tape_mark(struct tape *t, uint64_t step);

/* Bytes that grow; what was never written is zero. */
struct content {
    uint8_t *bytes;
    size_t len, cap;
};

void content_write(struct content *c, uint64_t at, const void *data, size_t len);
void content_truncate(struct content *c, uint64_t len);
void content_copy(struct content *c, const struct content *from);

/* Names and the files behind them; both a disk in use and what a power cut left of one. */
struct folder {
    struct content files[TAPE_FILES_MAX];
    uint32_t file_count;
    struct {
        char name[TAPE_NAME_BYTES];
        uint32_t file;
    } names[TAPE_NAMES_MAX];
    uint32_t name_count;
};

void folder_clear(struct folder *f);
/* UINT32_MAX: there is no such name. */
uint32_t folder_find(const struct folder *f, const char *name);
void folder_point(struct folder *f, const char *name, uint32_t file);
void folder_unlink(struct folder *f, const char *name);

/* Plays a tape: what is durable, and what is not yet. */
struct player {
    const struct tape *tape;
    size_t next;   /* event; all before it have happened */
    uint64_t step; /* of the last mark */
    struct folder durable;
    size_t *pending; /* events that no sync covers yet, in order */
    size_t pending_count, pending_cap;
};

void player_init(struct player *p, const struct tape *tape);
void player_clear(struct player *p);
/* Up to this event, which has not happened. Only forward. */
void player_go(struct player *p, size_t event);
/*
 * The power goes while the next event happens. out gets what is durable and, of each file and of the folder,
 * some of what is not: nothing, all, the first few operations with the last one torn at a random byte, or any
 * of them, torn in sectors. Files and folder keep theirs apart from each other.
 */
void player_cut(const struct player *p, const struct rng *rng, struct folder *out);

#endif
