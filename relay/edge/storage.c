#define _POSIX_C_SOURCE 200809L
#include "relay/edge/storage.h"

#include <stdio.h>

#include "relay/edge/folder.h"
#include "relay/edge/keys.h"

bool storage_prepare(struct storage *s, const struct config *config, char *why, size_t why_cap)
{
    *s = (struct storage){.options = {.path = FOLDER_DATABASE, .exclusive = true}};
    if (!keys_prepare(config->keys, &s->keys_volatile, why, why_cap))
        return false;
    s->keys = epoch_files_new(config->keys);
    if (s->keys == NULL) {
        snprintf(why, why_cap, "out of memory");
        return false;
    }
    s->options.keys = s->keys;
    return true;
}

bool storage_engine(const struct storage *s, struct engine **out, char *why, size_t why_cap)
{
    char reason[STORAGE_WHY_MAX / 2];
    if (sqlite_engine_open(out, &s->options, reason, sizeof(reason)) == ZG_OK)
        return true;
    snprintf(why, why_cap, "%s: %s", FOLDER_DATABASE, reason);
    return false;
}

void storage_close(struct storage *s)
{
    if (s->keys != NULL)
        s->keys->close(s->keys);
    s->keys = NULL;
}

static bool open_locked(struct storage *s, struct engine **out, char *why, size_t why_cap)
{
    struct config config;
    if (config_read(&config, FOLDER_CONFIG, why, why_cap) != ZG_OK ||
        !storage_prepare(s, &config, why, why_cap))
        return false;
    if (storage_engine(s, out, why, why_cap))
        return true;
    storage_close(s);
    return false;
}

bool storage_open_alone(struct storage *s, struct engine **out)
{
    char why[STORAGE_WHY_MAX];

    enum folder_lock lock = folder_lock();
    if (lock == FOLDER_LOCK_THEIRS)
        fputs("zaguan-relay: the relay is just starting or stopping; try again in a moment\n", stderr);
    if (lock != FOLDER_LOCK_OURS)
        return false;
    if (open_locked(s, out, why, sizeof(why)))
        return true;
    fprintf(stderr, "zaguan-relay: %s\n", why);
    return false;
}
