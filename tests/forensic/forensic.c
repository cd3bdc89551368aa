/*
 * What is left of words, in a relay's folder and memory, in a worker's vault and memory, in her memory.
 *
 *   forensic ZAGUAN ZAGUAN_RELAY CLOCK.so
 *
 * First everything is planted through the programs themselves and must be found where it lies. Then it is acknowledged, erased,
 * expires; and must not be found anywhere. Hours pass by a clock that the programs take for theirs. Memory of another process can
 * be read by root, or where ptrace is allowed; if not, the test looks at files only, says so and ends with 77: skipped.
 */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <fcntl.h>

#include "tests/forensic/capture.h"
#include "tests/integration/cli/desk_world.h"
#include "tests/support/support.h"

enum {
    SKIPPED = 77,
    HOUR_S = 3600,
    DAY_S = 24 * HOUR_S,
    FORGOTTEN_MS = 6500, /* an acknowledgement, and the 5 s until the journal is emptied */
    TEXT_BYTES = 96,
};

static struct desk_world world;
static struct process her, worker;
static bool memory_seen = true;
static int faults;

/* --- words --- */

#define WHAT_WORDS "words"

/* Words that nobody ever said. */
static void new_text(char out[TEXT_BYTES + 1])
{
    const struct rng rng = rng_system();
    for (size_t i = 0; i < TEXT_BYTES; i++)
        out[i] = (char)('a' + rng_below(&rng, 26));
    out[TEXT_BYTES] = '\0';
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "forensic: %s; the last line was: %s\n", what, world.line);
    process_kill(&her);
    process_kill(&worker);
    world_close(&world);
    exit(1);
}

static void say(struct process *who, const char *text)
{
    char line[TEXT_BYTES + 16];
    snprintf(line, sizeof(line), "%s\n", text);
    if (!process_write(who, line))
        give_up("a program reads nothing");
}

static void expect(struct process *who, const char *event, const char *part)
{
    char start[64];
    snprintf(start, sizeof(start), "\"event\":\"%s\"", event);
    if (!await(&world, who, start, part))
        give_up(event);
}

static void worker_begins(const char *conversation)
{
    WORKER_START(&world, &worker, "chat", conversation, "--json");
    expect(&worker, "connected", "");
}

static void worker_leaves(void)
{
    say(&worker, "/quit");
    if (process_wait(&worker, 10000) != 0)
        give_up("the worker's program does not end");
    worker.pid = 0;
}

/* --- time --- */

static volatile int64_t *clock_ahead;

static void clock_start(const char *library, const char *folder)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/clock", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(*clock_ahead)) != 0)
        give_up("no clock");
    void *at = mmap(NULL, sizeof(*clock_ahead), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED)
        give_up("no clock");
    clock_ahead = at;
    setenv("ZG_TEST_CLOCK", path, 1);
    setenv("LD_PRELOAD", library, 1);
}

/* Programs that wait for something notice it when they are spoken to. */
static void pass_time(int64_t seconds)
{
    char said[4096];
    const char *const status[] = {world.relay.program, "status", world.relay.dir, NULL};
    *clock_ahead += seconds;
    if (process_run(status, NULL, said, sizeof(said)) != 0)
        give_up("the relay has no status");
    if (worker.pid != 0)
        say(&worker, "/words");
    if (her.pid != 0)
        say(&her, "/words");
}

static void wait_ms(int ms)
{
    usleep((useconds_t)ms * 1000);
}

/* --- looking --- */

enum place { RELAY_FILES = 1, RELAY_MEMORY = 2, VAULT_FILES = 4, WORKER_MEMORY = 8, HER_MEMORY = 16 };

static void look_memory(struct wanted *w, const struct process *p, const char *who)
{
    if (p->pid == 0)
        return;
    scan_open_files(w, p->pid, who);
    if (scan_memory(w, p->pid, who) == 0) {
        printf("forensic: the memory of the %s cannot be read here\n", who);
        memory_seen = false;
    }
}

static void look(struct wanted *w, unsigned places)
{
    wanted_reset(w);
    if ((places & RELAY_FILES) != 0)
        scan_folder(w, world.relay.dir);
    if ((places & VAULT_FILES) != 0) {
        char folder[128];
        snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(world.vault, '/') - world.vault), world.vault);
        scan_folder(w, folder);
    }
    if ((places & RELAY_MEMORY) != 0)
        look_memory(w, &world.relay.process, "relay");
    if ((places & WORKER_MEMORY) != 0)
        look_memory(w, &worker, "worker's program");
    if ((places & HER_MEMORY) != 0)
        look_memory(w, &her, "participant's program");
}

/* The scan must see what is there: all pieces of this kind. */
static void must_find(struct wanted *w, unsigned places, const char *what, const char *when)
{
    look(w, places);
    size_t found = wanted_found(w, what), missing = wanted_missing(w, what);
    bool blind = (places & (RELAY_FILES | VAULT_FILES)) == 0 && !memory_seen;
    printf("%-46s %-28s found %zu of %zu%s\n", when, what, found, found + missing, blind ? ", not looked at" : "");
    if (!blind && (found == 0 || missing > 0)) {
        printf("FAULT: the scan does not find what was planted: %s\n", what);
        faults++;
    }
}

static void must_be_gone(struct wanted *w, unsigned places, const char *when)
{
    look(w, places);
    printf("%-46s %-28s found %zu of %zu\n", when, "anything", wanted_found(w, NULL), w->count);
    for (size_t i = 0; i < w->count; i++)
        if (w->items[i].times > 0) {
            printf("FAULT: %s: left: %s, %u times, in %s\n", when, w->items[i].what, w->items[i].times,
                   w->items[i].where);
            faults++;
        }
}

/* --- what is shown --- */

static void text_of(struct wanted *w, const char *text)
{
    w->count = 0;
    wanted_add(w, WHAT_WORDS, text, strlen(text));
}

/* She writes while nobody reads: it waits at the relay. Then the worker comes, it is acknowledged, and gone. */
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
    if (capture_relay(&stored, world.relay.dir) == 0)
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
    must_be_gone(&words, WORKER_MEMORY | HER_MEMORY | VAULT_FILES | RELAY_FILES | RELAY_MEMORY, "words, expired");
}

/* She erases while a message waits: confirmed means that it is true on the disk. */
static void erased(void)
{
    static struct wanted stored, words;
    char text[TEXT_BYTES + 1];
    worker_leaves();
    new_text(text);
    say(&her, text);
    expect(&her, "sent", "");
    text_of(&words, text);
    stored.count = 0;
    if (capture_relay(&stored, world.relay.dir) == 0)
        give_up("nothing waits at the relay");
    must_find(&stored, RELAY_FILES, WHAT_SEALED, "before it is erased");
    say(&her, "/erase");
    expect(&her, "erased", "");
    wanted_forgive(&stored, WHAT_EPOCH_KEY);
    must_be_gone(&stored, RELAY_FILES | RELAY_MEMORY, "the relay, when erased is said");
    must_be_gone(&words, RELAY_FILES | RELAY_MEMORY | VAULT_FILES, "words, when erased is said");
    process_kill(&her);
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
    if (capture_relay(&stored, world.relay.dir) == 0)
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
    printf("%-46s %zu of %zu pieces are no longer held\n", "the vault, when it is erased", entries.count, before);
    if (entries.count == 0)
        give_up("erasing changed nothing in the vault");
    must_be_gone(&entries, VAULT_FILES | RELAY_FILES | RELAY_MEMORY, "entries, erased");
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
    acknowledged(conversation);
    erased();
    erased_by_worker(conversation);
    expired();
    world_close(&world);
    folder_remove(folder);
    if (faults > 0)
        return 1;
    if (!memory_seen)
        printf("forensic: files only; run it as root to look at memory, too\n");
    return memory_seen ? 0 : SKIPPED;
}
