/*
 * What is left of words, in a relay's folder and memory, in a worker's vault and memory, in her memory.
 *
 *   forensic ZAGUAN ZAGUAN_RELAY CLOCK.so
 *
 * First everything is planted through the programs themselves and must be found where it lies. Then it is
 * acknowledged, erased, expires; and must not be found anywhere. Hours pass by a clock that the programs take
 * for theirs. Memory of another process can be read by root, or where ptrace is allowed; if not, the test
 * looks at files only, says so and ends with 77: skipped.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/forensic/stage.h"
#include "tests/support/support.h"

enum {
    SKIPPED = 77,
    FORGOTTEN_MS = 6500, /* an acknowledgement, and the 5 s until the journal is emptied */
};

/* --- what is shown --- */

static void text_of(struct wanted *w, const char *text)
{
    w->count = 0;
    wanted_add(w, WHAT_WORDS, text, strlen(text));
}

/* She writes while nobody reads: it waits at the relay. Then the worker comes, it is acknowledged, and gone.
 */
static void acknowledged(const char *conversation)
{
    static struct wanted stored, words;
    char text[TEXT_BYTES + 1];
    worker_leaves();
    new_text(text);
    say(&her, text);
    expect(&her, "sent", "");
    text_of(&words, text);
    stored.count = 0;
    if (capture_relay(&stored, world.relay.dir, NULL) == 0)
        give_up("nothing waits at the relay");
    must_find(&stored, RELAY_FILES, WHAT_SEALED, "while it waits");
    must_find(&stored, RELAY_FILES, WHAT_HANDLE, "while it waits");
    must_find(&stored, RELAY_FILES, WHAT_EPOCH_KEY, "while it waits");
    must_find(&stored, RELAY_MEMORY, WHAT_EPOCH_KEY, "while it waits");
    must_find(&words, HER_MEMORY, WHAT_WORDS, "while it waits");
    must_be_gone(&words, RELAY_FILES | RELAY_MEMORY | VAULT_FILES, "words, anywhere but with her");

    worker_begins(conversation);
    expect(&worker, "message", text);
    must_find(&words, WORKER_MEMORY, WHAT_WORDS, "when it was read");
    wait_ms(FORGOTTEN_MS);
    wanted_forgive(&stored, WHAT_EPOCH_KEY); /* until its hour */
    must_be_gone(&stored, RELAY_FILES, "the relay's files, acknowledged 5 s ago");
    /* Known for 10 minutes, so that a repetition of it is (docs/protocol.md section 1.1). */
    pass_time(11 * 60);
    wait_ms(1000);
    must_be_gone(&stored, RELAY_FILES | RELAY_MEMORY, "the relay, acknowledged 11 minutes ago");
    must_be_gone(&words, RELAY_FILES | RELAY_MEMORY | VAULT_FILES, "words, but in both programs");

    /* A day after it was read it is gone at both ends, while both programs run. */
    pass_time(2 * DAY_S);
    expect(&worker, "expired", "");
    expect(&her, "expired", "");
    wait_ms(1000);
    must_be_gone(&words, WORKER_MEMORY | HER_MEMORY | VAULT_FILES | RELAY_FILES | RELAY_MEMORY,
                 "words, expired");
}

/* What waits now is erased by her: confirmed means that it is true on the disk. */
static void erased_by_her(const char *text)
{
    static struct wanted stored, words;
    text_of(&words, text);
    stored.count = 0;
    if (capture_relay(&stored, world.relay.dir, NULL) == 0)
        give_up("nothing waits at the relay");
    must_find(&stored, RELAY_FILES, WHAT_SEALED, "before it is erased");
    say(&her, "/erase");
    expect(&her, "erased", "");
    wanted_forgive(&stored, WHAT_EPOCH_KEY);
    must_be_gone(&stored, RELAY_FILES | RELAY_MEMORY, "the relay, when erased is said");
    must_be_gone(&words, RELAY_FILES | RELAY_MEMORY | VAULT_FILES, "words, when erased is said");
    process_kill(&her);
}

static void erased(void)
{
    char text[TEXT_BYTES + 1];
    worker_leaves();
    new_text(text);
    say(&her, text);
    expect(&her, "sent", "");
    erased_by_her(text);
}

/* She takes her knock back before anybody answered. */
static void taken_back(void)
{
    char text[TEXT_BYTES + 1];
    new_text(text);
    participant_knock(&world, &her, text);
    erased_by_her(text);
}

/* Nobody comes: the epoch key goes with its hour, then the row. */
static void expired(void)
{
    static struct wanted stored, words;
    char text[TEXT_BYTES + 1];
    new_text(text);
    participant_knock(&world, &her, text);
    text_of(&words, text);
    stored.count = 0;
    if (capture_relay(&stored, world.relay.dir, NULL) == 0)
        give_up("no knock waits at the relay");
    must_find(&stored, RELAY_FILES, WHAT_SEALED, "before it expires");
    must_find(&words, HER_MEMORY, WHAT_WORDS, "before it expires");
    pass_time(8 * DAY_S);
    wait_ms(FORGOTTEN_MS);
    /* A class of a day or more leaves the hash of its handle for 7 days more. */
    pass_time(8 * DAY_S);
    wait_ms(FORGOTTEN_MS);
    must_be_gone(&stored, RELAY_FILES | RELAY_MEMORY, "the relay, expired");
    must_be_gone(&words, RELAY_FILES | RELAY_MEMORY | HER_MEMORY, "words, expired");
    process_kill(&her);
}

/* The worker's vault: what a conversation was, after it was erased. */
static void erased_by_worker(const char *conversation)
{
    static struct wanted entries;
    entries.count = 0;
    if (capture_vault(&entries, world.vault, PASSPHRASE) == 0)
        give_up("an empty vault");
    must_find(&entries, VAULT_FILES, WHAT_ENTRY, "in the vault");
    if (WORKER(&world, "", "erase", conversation) != 0)
        give_up("not erased");
    size_t before = entries.count;
    capture_keep(&entries, world.vault, PASSPHRASE);
    printf("%-46s %zu of %zu pieces are no longer held\n", "the vault, when it is erased", entries.count,
           before);
    if (entries.count == 0)
        give_up("erasing changed nothing in the vault");
    must_be_gone(&entries, VAULT_FILES | RELAY_FILES | RELAY_MEMORY, "entries, erased");
}

/* The vault is wiped: not only its name is gone. Whoever had the file open reads the rest of it. */
static void wiped(void)
{
    static struct wanted entries;
    entries.count = 0;
    if (capture_vault(&entries, world.vault, PASSPHRASE) == 0)
        give_up("an empty vault");
    int kept = open(world.vault, O_RDONLY | O_CLOEXEC);
    if (kept < 0)
        give_up("no vault");
    wanted_reset(&entries);
    scan_descriptor(&entries, kept, "the vault");
    if (wanted_found(&entries, WHAT_ENTRY) == 0)
        give_up("the vault cannot be seen");
    if (process_run(
            (const char *const[]){world.zaguan, "vault", "wipe", "--yes", "--vault", world.vault, NULL}, "",
            world.line, sizeof(world.line)) != 0)
        give_up("not wiped");
    must_be_gone(&entries, VAULT_FILES, "entries, wiped");
    scan_descriptor(&entries, kept, "the blocks of the vault");
    if (wanted_found(&entries, NULL) > 0) {
        printf("FAULT: what was wiped is left in the blocks of the file\n");
        faults++;
    }
    close(kept);
}

/* With keys in memory, what is on the disk opens nothing. */
static void volatile_keys(void)
{
    static struct wanted stored;
    char keys[64], settings[128], text[TEXT_BYTES + 1];
    snprintf(keys, sizeof(keys), "/dev/shm/zaguan-forensic-XXXXXX");
    if (mkdtemp(keys) == NULL) {
        printf("forensic: no folder in memory here, so keys in memory are not looked at\n");
        return;
    }
    if (relay_stop(&world.relay) != 0)
        give_up("the relay does not stop");
    snprintf(settings, sizeof(settings), "keys = %s\n", keys);
    relay_configure(&world.relay, settings);
    relay_start(&world.relay);
    new_text(text);
    participant_knock(&world, &her, text);
    stored.count = 0;
    size_t messages = capture_relay(&stored, world.relay.dir, keys);
    must_find(&stored, RELAY_FILES, WHAT_SEALED, "keys in memory");
    wanted_forgive(&stored, WHAT_SEALED);
    wanted_forgive(&stored, WHAT_HANDLE);
    must_be_gone(&stored, RELAY_FILES, "the disk: keys and envelopes");
    size_t opened = capture_openable(world.relay.dir, NULL);
    printf("%-46s %zu of %zu messages, with the keys %zu\n", "the disk alone opens", opened, messages,
           capture_openable(world.relay.dir, keys));
    if (messages == 0 || opened != 0 || capture_openable(world.relay.dir, keys) != messages) {
        printf("FAULT: what the disk alone opens\n");
        faults++;
    }
    process_kill(&her);
    folder_remove(keys);
}

int main(int argc, char **argv)
{
    char conversation[33], text[TEXT_BYTES + 1], folder[64];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 4) {
        fprintf(stderr, "forensic ZAGUAN ZAGUAN_RELAY CLOCK.so\n");
        return 2;
    }
    folder_make(folder, sizeof(folder));
    clock_start(argv[3], folder);
    world_open(&world, argv[1], argv[2]);
    converse(&world, &her, &worker, conversation);
    new_text(text);
    say(&her, text);
    expect(&worker, "message", text);
    expect(&her, "sent", ""); /* or it is taken for that of the next one */
    acknowledged(conversation);
    erased();
    taken_back();
    erased_by_worker(conversation);
    expired();
    volatile_keys();
    wiped();
    world_close(&world);
    folder_remove(folder);
    if (faults > 0)
        return 1;
    if (!memory_seen)
        printf("forensic: files only; run it as root to look at memory, too\n");
    return memory_seen ? 0 : SKIPPED;
}
