#include "tests/powercut/tape.h"

#include <stdlib.h>
#include <string.h>

static void *grown(void *old, size_t *cap, size_t need, size_t each)
{
    if (need <= *cap)
        return old;
    size_t cap_new = *cap == 0 ? 64 : *cap;
    while (cap_new < need)
        cap_new *= 2;
    void *p = realloc(old, cap_new * each);
    if (p == NULL) {
        fprintf(stderr, "power cut: out of memory\n");
        abort();
    }
    *cap = cap_new;
    return p;
}

/* --- the tape --- */

void tape_clear(struct tape *t)
{
    free(t->events);
    free(t->data);
    memset(t, 0, sizeof(*t));
}

void tape_add(struct tape *t, const struct event *e, const void *data)
{
    t->events = grown(t->events, &t->cap, t->count + 1, sizeof(*t->events));
    t->data = grown(t->data, &t->data_cap, t->data_len + e->len, 1);
    t->events[t->count] = *e;
    t->events[t->count].data = t->data_len;
    t->count++;
    if (e->len > 0)
        memcpy(t->data + t->data_len, data, e->len);
    t->data_len += e->len;
}

void tape_mark(struct tape *t, uint64_t step)
{
    tape_add(t, &(struct event){.kind = EVENT_MARK, .at = step}, NULL);
}

/* --- files --- */

static void content_reach(struct content *c, size_t len)
{
    if (len <= c->len)
        return;
    c->bytes = grown(c->bytes, &c->cap, len, 1);
    memset(c->bytes + c->len, 0, len - c->len);
    c->len = len;
}

void content_write(struct content *c, uint64_t at, const void *data, size_t len)
{
    if (len == 0)
        return;
    content_reach(c, (size_t)at + len);
    memcpy(c->bytes + at, data, len);
}

void content_truncate(struct content *c, uint64_t len)
{
    content_reach(c, (size_t)len);
    c->len = (size_t)len;
}

void content_copy(struct content *c, const struct content *from)
{
    c->len = 0;
    content_write(c, 0, from->bytes, from->len);
}

/* --- a folder --- */

void folder_clear(struct folder *f)
{
    for (uint32_t i = 0; i < TAPE_FILES_MAX; i++)
        free(f->files[i].bytes);
    memset(f, 0, sizeof(*f));
}

static uint32_t place_of(const struct folder *f, const char *name)
{
    uint32_t i = 0;
    while (i < f->name_count && strcmp(f->names[i].name, name) != 0)
        i++;
    return i;
}

uint32_t folder_find(const struct folder *f, const char *name)
{
    uint32_t i = place_of(f, name);
    return i == f->name_count ? UINT32_MAX : f->names[i].file;
}

void folder_point(struct folder *f, const char *name, uint32_t file)
{
    uint32_t i = place_of(f, name);
    if (file >= TAPE_FILES_MAX || i >= TAPE_NAMES_MAX || strlen(name) >= TAPE_NAME_BYTES) {
        fprintf(stderr, "power cut: too many files, or a long name: %s\n", name);
        abort();
    }
    if (i == f->name_count)
        f->name_count++;
    memcpy(f->names[i].name, name, strlen(name) + 1);
    f->names[i].file = file;
    if (f->file_count <= file)
        f->file_count = file + 1;
}

void folder_unlink(struct folder *f, const char *name)
{
    uint32_t i = place_of(f, name);
    if (i == f->name_count)
        return;
    f->files[f->names[i].file].len = 0; /* nobody has it open */
    f->names[i] = f->names[--f->name_count];
}

/* --- playing --- */

enum { SECTOR_BYTES = 512, FOLDER = UINT32_MAX };

/* Whose sync covers it. */
static uint32_t room_of(const struct event *e)
{
    return e->kind == EVENT_CREATE || e->kind == EVENT_DELETE || e->kind == EVENT_FOLDER_SYNC ? FOLDER
                                                                                              : e->file;
}

static bool is_change(const struct event *e)
{
    return e->kind == EVENT_CREATE || e->kind == EVENT_DELETE || e->kind == EVENT_WRITE ||
           e->kind == EVENT_TRUNCATE;
}

static void apply(struct folder *f, const struct tape *t, const struct event *e)
{
    if (e->kind == EVENT_CREATE)
        folder_point(f, e->name, e->file);
    else if (e->kind == EVENT_DELETE)
        folder_unlink(f, e->name);
    else if (e->kind == EVENT_WRITE)
        content_write(&f->files[e->file], e->at, t->data + e->data, e->len);
    else if (e->kind == EVENT_TRUNCATE)
        content_truncate(&f->files[e->file], e->at);
}

void player_init(struct player *p, const struct tape *tape)
{
    memset(p, 0, sizeof(*p));
    p->tape = tape;
}

void player_clear(struct player *p)
{
    folder_clear(&p->durable);
    free(p->pending);
    memset(p, 0, sizeof(*p));
}

static void settle(struct player *p, uint32_t room)
{
    size_t left = 0;
    for (size_t i = 0; i < p->pending_count; i++) {
        const struct event *e = &p->tape->events[p->pending[i]];
        if (room_of(e) == room)
            apply(&p->durable, p->tape, e);
        else
            p->pending[left++] = p->pending[i];
    }
    p->pending_count = left;
}

void player_go(struct player *p, size_t event)
{
    for (; p->next < event && p->next < p->tape->count; p->next++) {
        const struct event *e = &p->tape->events[p->next];
        if (e->kind == EVENT_MARK) {
            p->step = e->at;
        } else if (is_change(e)) {
            p->pending = grown(p->pending, &p->pending_cap, p->pending_count + 1, sizeof(*p->pending));
            p->pending[p->pending_count++] = p->next;
        } else {
            settle(p, room_of(e));
        }
    }
}

/* --- cutting --- */

/* One operation on bytes of which only a part happened: the first bytes, or any of its sectors. */
static void apply_torn(struct folder *f, const struct tape *t, const struct event *e, bool in_sectors,
                       const struct rng *rng)
{
    struct event part = *e;
    if (e->kind != EVENT_WRITE) {
        if (rng_below(rng, 2) == 0)
            apply(f, t, e);
        return;
    }
    if (!in_sectors) {
        part.len = rng_below(rng, (uint32_t)e->len + 1);
        apply(f, t, &part);
        return;
    }
    for (size_t from = 0; from < e->len; from += part.len) {
        part.at = e->at + from;
        part.data = e->data + from;
        part.len = SECTOR_BYTES - part.at % SECTOR_BYTES;
        if (part.len > e->len - from)
            part.len = e->len - from;
        if (rng_below(rng, 2) == 0)
            apply(f, t, &part);
    }
}

/* What is left of the operations of one file, or of the folder. */
struct fate {
    enum { LEFT_NONE, LEFT_ALL, LEFT_FIRST, LEFT_ANY, LEFT_WAYS } way;
    size_t whole; /* FIRST: so many happened, and a part of the next */
};

static struct fate draw_fate(uint32_t room, size_t changes, const struct rng *rng)
{
    /* A file system keeps the order of what it does to its names. */
    uint32_t ways = room == FOLDER ? LEFT_ANY : LEFT_WAYS;
    return (struct fate){rng_below(rng, ways), rng_below(rng, (uint32_t)changes + 1)};
}

static void cut_room(const struct player *p, uint32_t room, const struct rng *rng, struct folder *out)
{
    size_t mine = 0, seen = 0;
    bool flying = p->next < p->tape->count && is_change(&p->tape->events[p->next]);
    size_t all = p->pending_count + flying; /* the one that is happening may have happened, too */
    for (size_t i = 0; i < all; i++)
        mine += room_of(&p->tape->events[i < p->pending_count ? p->pending[i] : p->next]) == room;
    if (mine == 0)
        return;
    struct fate fate = draw_fate(room, mine, rng);
    for (size_t i = 0; i < all; i++) {
        const struct event *e = &p->tape->events[i < p->pending_count ? p->pending[i] : p->next];
        if (room_of(e) != room)
            continue;
        if (fate.way == LEFT_ALL || (fate.way == LEFT_FIRST && seen < fate.whole))
            apply(out, p->tape, e);
        else if (fate.way == LEFT_ANY || (fate.way == LEFT_FIRST && seen == fate.whole))
            apply_torn(out, p->tape, e, fate.way == LEFT_ANY, rng);
        seen++;
    }
}

/* Files in the order in which they were touched. */
static void cut_files(const struct player *p, const struct rng *rng, struct folder *out)
{
    static bool cut[TAPE_FILES_MAX];
    memset(cut, 0, sizeof(cut));
    for (size_t i = 0; i < p->pending_count + (p->next < p->tape->count); i++) {
        const struct event *e = &p->tape->events[i < p->pending_count ? p->pending[i] : p->next];
        if (!is_change(e) || room_of(e) == FOLDER || cut[room_of(e)])
            continue;
        cut[room_of(e)] = true;
        cut_room(p, room_of(e), rng, out);
    }
}

void player_cut(const struct player *p, const struct rng *rng, struct folder *out)
{
    out->file_count = p->durable.file_count;
    out->name_count = p->durable.name_count;
    memcpy(out->names, p->durable.names, sizeof(out->names));
    for (uint32_t i = 0; i < TAPE_FILES_MAX; i++)
        content_copy(&out->files[i], &p->durable.files[i]);
    cut_files(p, rng, out);
    cut_room(p, FOLDER, rng, out);
}
