#define _POSIX_C_SOURCE 200809L
#include "relay/edge/storage.h"

#include <stdio.h>
#include <time.h>

#include "relay/edge/folder.h"
#include "relay/edge/keys.h"
#include "relay/edge/watch.h"

bool storage_prepare(struct storage *s, const struct config *config, const struct relay_key *key, char *why,
                     size_t why_cap)
{
    char owner[RELAY_PK_TEXT_LEN + 1];
    *s = (struct storage){.options = {.path = FOLDER_DATABASE, .exclusive = true}};
    if (key != NULL)
        relay_key_text(key, owner);
    if (!keys_prepare(config->keys, key != NULL ? owner : NULL, &s->keys_volatile, why, why_cap))
        return false;
    s->keys = epoch_files_new(config->keys);
    if (s->keys == NULL) {
        snprintf(why, why_cap, "out of memory");
        return false;
    }
    s->options.keys = s->keys;
    return true;
}

/* Of hours that the relay went by already, keys were destroyed, though its clock may have been set back. */
static uint32_t hour_of_keys(void)
{
    uint32_t hour = (uint32_t)(time(NULL) / 3600), known = watch_known_hour();
    return known > hour ? known : hour;
}

bool storage_engine(struct storage *s, bool without_keys, struct engine **out, char *why, size_t why_cap)
{
    char reason[STORAGE_WHY_MAX / 2];
    s->options.hour = hour_of_keys();
    s->options.keys_needed = !without_keys && !s->keys_volatile;
    s->options.keys_missing = &s->keys_missing;
    zg_err err = sqlite_engine_open(out, &s->options, reason, sizeof(reason));
    if (err == ZG_OK)
        return true;
    snprintf(why, why_cap, "%s: %s%s", FOLDER_DATABASE, reason,
             err == ZG_ERR_NOT_FOUND
                 ? ". Put the folder back, or correct `keys' in relay.conf. If they are gone for "
                   "good: serve --without-keys, which counts these messages as expired unread"
                 : "");
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
    struct relay_key key;
    if (config_read(&config, FOLDER_CONFIG, why, why_cap) != ZG_OK)
        return false;
    snprintf(why, why_cap, "without its key nothing can be done");
    if (!relay_key_read(&key))
        return false;
    bool prepared = storage_prepare(s, &config, &key, why, why_cap);
    relay_key_clear(&key);
    if (!prepared)
        return false;
    if (storage_engine(s, false, out, why, why_cap))
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
