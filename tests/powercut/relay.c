/*
 * The relay's store when the power goes. After every cut: what was accepted and not deleted is there,
 * unchanged and in order; what was deleted is unknown, and in no file once that was confirmed; the store goes
 * on.
 */
#include "tests/powercut/relay.h"

#include "relay/store/sqlite.h"

struct ledger *relay_ledger(void)
{
    static struct ledger ledger;
    return &ledger;
}

struct engine *relay_open(struct disk *d, const char *vfs)
{
    const struct sqlite_options options = {.path = RELAY_DB, .vfs = vfs, .exclusive = true};
    struct engine *e = NULL;
    char words[256] = "";
    if (folder_find(&d->folder, RELAY_DB) == UINT32_MAX)
        disk_make_file(d, RELAY_DB);
    if (sqlite_engine_open(&e, &options, words, sizeof(words)) != ZG_OK)
        printf("not opened: %s\n", words);
    return e;
}

int main(int argc, char **argv)
{
    static const struct scenario scenario = {"powercut_relay", relay_record, relay_check};
    return cuts_main(&scenario, argc, argv);
}
