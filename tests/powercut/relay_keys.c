/*
 * Where epoch keys lie in this test: a file for each on the disk that is cut, written as
 * relay/store/epoch_files.c does it. What was destroyed is remembered, so that it can be looked for.
 */
#include <stdlib.h>
#include <string.h>

#include "relay/store/epoch.h"
#include "tests/powercut/relay.h"

#define PREFIX "epoch-"

enum { KEYS_MAX = 512, CHECK_BYTES = 4, FILE_BYTES = EPOCH_KEY_BYTES + CHECK_BYTES };

struct disk_place {
    struct key_place place;
    struct disk *disk;
};

static struct {
    enum plant plant;
    struct {
        uint8_t key[EPOCH_KEY_BYTES];
        uint64_t step; /* with whose mark it is gone */
    } destroyed[KEYS_MAX];
    uint32_t count;
} book;

static struct disk *disk_of(struct key_place *p)
{
    return ((struct disk_place *)p)->disk;
}

static void name_file(uint32_t id, char out[TAPE_NAME_BYTES])
{
    snprintf(out, TAPE_NAME_BYTES, PREFIX "%08x", id);
}

static uint32_t sum(const uint8_t key[EPOCH_KEY_BYTES])
{
    uint32_t s = 1;
    for (size_t i = 0; i < EPOCH_KEY_BYTES; i++)
        s = s * 16777619u ^ key[i];
    return s;
}

/* NULL: damaged. */
static const uint8_t *key_in(const struct content *c)
{
    uint32_t check;
    if (c->len != FILE_BYTES)
        return NULL;
    memcpy(&check, c->bytes + EPOCH_KEY_BYTES, sizeof(check));
    return check == sum(c->bytes) ? c->bytes : NULL;
}

static void note_destroyed(struct disk *d, const char *name)
{
    const struct content *c = &d->folder.files[folder_find(&d->folder, name)];
    if (d->tape == NULL || key_in(c) == NULL)
        return;
    if (book.count == KEYS_MAX)
        cuts_broken("too many keys");
    memcpy(book.destroyed[book.count].key, c->bytes, EPOCH_KEY_BYTES);
    book.destroyed[book.count++].step = relay_ledger()->step + 1;
}

static int destroy_file(struct disk *d, const char *name)
{
    static const uint8_t zeros[FILE_BYTES];
    if (folder_find(&d->folder, name) == UINT32_MAX)
        return 0;
    note_destroyed(d, name);
    disk_write(d, name, 0, zeros, sizeof(zeros));
    disk_sync(d, name);
    disk_delete(d, name);
    disk_folder_sync(d);
    return 0;
}

static int load(struct key_place *p, key_found_fn *found, void *ctx)
{
    struct disk *d = disk_of(p);
    unsigned id;
    int err = 0;
    for (uint32_t i = 0; i < d->folder.name_count && err == 0;) {
        char name[TAPE_NAME_BYTES];
        memcpy(name, d->folder.names[i].name, sizeof(name));
        const uint8_t *key = key_in(&d->folder.files[d->folder.names[i].file]);
        if (sscanf(name, PREFIX "%8x", &id) == 1 && key == NULL) {
            err = destroy_file(d, name); /* another name stands in its place now */
            continue;
        }
        if (sscanf(name, PREFIX "%8x", &id) == 1)
            err = found(ctx, id, key);
        i++;
    }
    return err;
}

static int add(struct key_place *p, uint32_t id, const uint8_t key[EPOCH_KEY_BYTES])
{
    struct disk *d = disk_of(p);
    char name[TAPE_NAME_BYTES];
    uint8_t bytes[FILE_BYTES];
    uint32_t check = sum(key);
    name_file(id, name);
    memcpy(bytes, key, EPOCH_KEY_BYTES);
    memcpy(bytes + EPOCH_KEY_BYTES, &check, sizeof(check));
    disk_make_file(d, name);
    disk_write(d, name, 0, bytes, sizeof(bytes));
    if (book.plant != PLANT_LATE_KEY)
        disk_sync(d, name);
    return 0;
}

static int destroy(struct key_place *p, uint32_t id)
{
    char name[TAPE_NAME_BYTES];
    name_file(id, name);
    if (book.plant != PLANT_KEEP_KEY)
        return destroy_file(disk_of(p), name);
    note_destroyed(disk_of(p), name);
    return 0;
}

static void close_place(struct key_place *p)
{
    free(p);
}

struct key_place *relay_keys_new(struct disk *d)
{
    struct disk_place *p = calloc(1, sizeof(*p));
    if (p == NULL)
        cuts_broken("out of memory");
    *p = (struct disk_place){{load, add, destroy, close_place}, d};
    return &p->place;
}

void relay_keys_plant(enum plant plant)
{
    book.plant = plant;
}

bool relay_keys_left(const struct folder *f, uint64_t step, bool everywhere)
{
    for (uint32_t n = 0; n < f->name_count; n++) {
        const struct content *c = &f->files[f->names[n].file];
        bool looked_at = everywhere || strncmp(f->names[n].name, PREFIX, sizeof(PREFIX) - 1) == 0;
        for (uint32_t i = 0; i < book.count && looked_at && c->len > 0; i++)
            if (book.destroyed[i].step <= step &&
                memmem(c->bytes, c->len, book.destroyed[i].key, EPOCH_KEY_BYTES) != NULL)
                return true;
    }
    return false;
}
