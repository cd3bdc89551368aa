/* A relay, an organisation, a desk with a worker, and the program `zaguan` at both ends. Mistakes of the test end it. */
#ifndef TESTS_DESK_WORLD_H
#define TESTS_DESK_WORLD_H

#include <stdbool.h>

#include "tests/integration/cli/terminal.h"
#include "tests/integration/relay_process.h"

#define PASSPHRASE "right passphrase"

enum { LINE_CAP = 16000, WAIT_MS = 20000 };

struct desk_world {
    const char *zaguan;
    struct relay_process relay;
    char organisation[128];
    char vault[128];
    char card[1024];
    char line[LINE_CAP]; /* the last one looked at */
};

void world_open(struct desk_world *w, const char *zaguan, const char *relay);
void world_close(struct desk_world *w);

/* Runs `zaguan words... --vault V --passphrase-fd 0` with the passphrase before the input; exit code, output in w->line. */
int worker_run(struct desk_world *w, const char *input, const char *const words[]);
#define WORKER(w, input, ...) worker_run(w, input, (const char *const[]){__VA_ARGS__, NULL})
/* Starts it; the passphrase was given. */
void worker_start(struct desk_world *w, struct process *p, const char *const words[]);
#define WORKER_START(w, p, ...) worker_start(w, p, (const char *const[]){__VA_ARGS__, NULL})

/* `zaguan knock --json` with card and first words. */
void participant_start(struct desk_world *w, struct process *p, const char *text);
/* Knocks, and waits until the relay has it. */
void participant_knock(struct desk_world *w, struct process *p, const char *text);
/* The newest conversation that waits; out holds 33 bytes. */
void find_knock(struct desk_world *w, char *out);

/* Waits for a line of JSON that has both parts (the second may be ""); it is in w->line. */
bool await(struct desk_world *w, struct process *p, const char *part, const char *other);
/* The value of a string member of w->line, as it stands there; out holds cap. */
void member(const struct desk_world *w, const char *name, char *out, size_t cap);
/* Both ends in one conversation: she knocks, the worker chats in JSON and has answered. */
void converse(struct desk_world *w, struct process *her, struct process *worker, char *conversation);

#endif
