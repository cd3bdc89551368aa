/*
 * The relay's store when the power goes. After every cut: what was accepted and not deleted is there,
 * unchanged and in order; what was deleted is unknown, and in no file once that was confirmed; the store goes
 * on.
 */
#include "tests/powercut/relay.h"

#include "relay/store/epoch.h"
#include "relay/store/sqlite.h"

struct ledger *relay_ledger(void)
{
    static struct ledger ledger;
    return &ledger;
}

static struct key_place *keys; /* of the one engine that is open */

struct engine *relay_open(struct disk *d, const char *vfs)
{
    keys = relay_keys_new(d);
    const struct sqlite_options options = {.path = RELAY_DB, .vfs = vfs, .exclusive = true, .keys = keys};
    struct engine *e = NULL;
    char words[256] = "";
    if (folder_find(&d->folder, RELAY_DB) == UINT32_MAX)
        disk_make_file(d, RELAY_DB);
    if (sqlite_engine_open(&e, &options, words, sizeof(words)) == ZG_OK)
        return e;
    printf("not opened: %s\n", words);
    keys->close(keys);
    return NULL;
}

void relay_close(struct engine *e)
{
    e->close(e);
    keys->close(keys);
}

int main(int argc, char **argv)
{
    static const struct scenario scenario = {"powercut_relay", relay_record, relay_check};
    return cuts_main(&scenario, argc, argv);
}
