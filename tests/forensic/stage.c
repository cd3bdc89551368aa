#define _GNU_SOURCE

#include "tests/forensic/stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/support.h"

struct desk_world world;
struct process her, worker;
bool memory_seen = true;
int faults;

/* --- words --- */

void new_text(char out[TEXT_BYTES + 1])
{
    const struct rng rng = rng_system();
    for (size_t i = 0; i < TEXT_BYTES; i++)
        out[i] = (char)('a' + rng_below(&rng, 26));
    out[TEXT_BYTES] = '\0';
}

_Noreturn void give_up(const char *what)
{
    fprintf(stderr, "forensic: %s; the last line was: %s\n", what, world.line);
    process_kill(&her);
    process_kill(&worker);
    world_close(&world);
    exit(1);
}

void say(struct process *who, const char *text)
{
    char line[TEXT_BYTES + 16];
    snprintf(line, sizeof(line), "%s\n", text);
    if (!process_write(who, line))
        give_up("a program reads nothing");
}

void expect(struct process *who, const char *event, const char *part)
{
    char start[64];
    snprintf(start, sizeof(start), "\"event\":\"%s\"", event);
    if (!await(&world, who, start, part))
        give_up(event);
}

void worker_begins(const char *conversation)
{
    WORKER_START(&world, &worker, "chat", conversation, "--json");
    expect(&worker, "connected", "");
}

void worker_leaves(void)
{
    say(&worker, "/quit");
    if (process_wait(&worker, 10000) != 0)
        give_up("the worker's program does not end");
    worker.pid = 0;
}

/* --- time --- */

static volatile int64_t *clock_ahead;

void clock_start(const char *library, const char *folder)
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

void pass_time(int64_t seconds)
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

void wait_ms(int ms)
{
    usleep((useconds_t)ms * 1000);
}

/* --- looking --- */

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

/*
 * A relay moves pages from its journal to its database while we read one after the other: what is there can be
 * passed by, and is looked for again.
 */
enum { LOOKS = 5, AGAIN_MS = 300 };

void must_find(struct wanted *w, unsigned places, const char *what, const char *when)
{
    look(w, places);
    for (int i = 1; i < LOOKS && wanted_missing(w, what) > 0; i++) {
        wait_ms(AGAIN_MS);
        look(w, places);
    }
    size_t found = wanted_found(w, what), missing = wanted_missing(w, what);
    bool blind = (places & (RELAY_FILES | VAULT_FILES)) == 0 && !memory_seen;
    printf("%-46s %-28s found %zu of %zu%s\n", when, what, found, found + missing,
           blind ? ", not looked at" : "");
    if (!blind && (found == 0 || missing > 0)) {
        printf("FAULT: the scan does not find what was planted: %s\n", what);
        faults++;
    }
}

void must_be_gone(struct wanted *w, unsigned places, const char *when)
{
    look(w, places);
    if (wanted_found(w, NULL) == 0)
        look(w, places);
    printf("%-46s %-28s found %zu of %zu\n", when, "anything", wanted_found(w, NULL), w->count);
    for (size_t i = 0; i < w->count; i++)
        if (w->items[i].times > 0) {
            printf("FAULT: %s: left: %s, %u times, in %s\n", when, w->items[i].what, w->items[i].times,
                   w->items[i].where);
            faults++;
        }
}
