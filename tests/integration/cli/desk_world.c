#define _GNU_SOURCE

#include "tests/integration/cli/desk_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void give_up(const struct desk_world *w, const char *what)
{
    fprintf(stderr, "test: %s; the last line was: %s\n", what, w->line);
    abort();
}

void world_open(struct desk_world *w, const char *zaguan, const char *relay)
{
    char voucher[256];
    char input[1024];
    memset(w, 0, sizeof(*w));
    w->zaguan = zaguan;
    relay_set_up(&w->relay, relay, "");
    relay_start(&w->relay);
    snprintf(w->organisation, sizeof(w->organisation), "%s/org.zaguan", w->relay.folder);
    snprintf(w->vault, sizeof(w->vault), "%s/desk.vault", w->relay.folder);
    if (process_run((const char *const[]){zaguan, "organisation", "create", "--file", w->organisation, "--passphrase-fd",
                                          "0", NULL},
                    PASSPHRASE "\n", w->line, sizeof(w->line)) != 0)
        give_up(w, "no organisation");
    relay_voucher(&w->relay, voucher, sizeof(voucher));
    snprintf(input, sizeof(input), PASSPHRASE "\n%s\n%s\n" PASSPHRASE "\n", w->relay.address, voucher);
    if (process_run((const char *const[]){zaguan, "desk", "create", "--organisation", w->organisation, "--alias", "Ana",
                                          "--notice", "Lun-vie 10-20 h", "--vault", w->vault,
                                          "--organisation-passphrase-fd", "0", "--passphrase-fd", "0", NULL},
                    input, w->line, sizeof(w->line)) != 0)
        give_up(w, "no desk");
    if (WORKER(w, "", "card") != 0)
        give_up(w, "no card");
    snprintf(w->card, sizeof(w->card), "%.*s", (int)strcspn(w->line, "\n"), w->line);
}

void world_close(struct desk_world *w)
{
    relay_tear_down(&w->relay);
}

enum { WORDS_MAX = 12 };

static void full_command(const struct desk_world *w, const char *const words[], const char *out[WORDS_MAX + 6])
{
    size_t n = 0;
    out[n++] = w->zaguan;
    for (; *words != NULL && n < WORDS_MAX; words++)
        out[n++] = *words;
    out[n++] = "--vault";
    out[n++] = w->vault;
    out[n++] = "--passphrase-fd";
    out[n++] = "0";
    out[n] = NULL;
}

int worker_run(struct desk_world *w, const char *input, const char *const words[])
{
    const char *argv[WORDS_MAX + 6];
    char all[LINE_CAP + 64];
    full_command(w, words, argv);
    snprintf(all, sizeof(all), PASSPHRASE "\n%s", input);
    return process_run(argv, all, w->line, sizeof(w->line));
}

void worker_start(struct desk_world *w, struct process *p, const char *const words[])
{
    const char *argv[WORDS_MAX + 6];
    full_command(w, words, argv);
    process_start(p, argv);
    if (!process_write(p, PASSPHRASE "\n"))
        give_up(w, "the worker's program reads nothing");
}

void participant_start(struct desk_world *w, struct process *p, const char *text)
{
    char input[4096];
    process_start(p, (const char *const[]){w->zaguan, "knock", "--json", NULL});
    snprintf(input, sizeof(input), "%s\n%s\n", w->card, text);
    if (!process_write(p, input))
        give_up(w, "the participant's program reads nothing");
}

void participant_knock(struct desk_world *w, struct process *p, const char *text)
{
    participant_start(w, p, text);
    if (!await(w, p, "\"event\":\"knock_sent\"", ""))
        give_up(w, "the knock was not accepted");
}

bool await(struct desk_world *w, struct process *p, const char *part, const char *other)
{
    for (;;) {
        if (!process_line_with(p, part, w->line, sizeof(w->line), WAIT_MS)) {
            fprintf(stderr, "nothing with %s; the last line was: %s\n", part, w->line);
            return false;
        }
        if (strstr(w->line, other) != NULL)
            return true;
    }
}

void member(const struct desk_world *w, const char *name, char *out, size_t cap)
{
    char key[64];
    snprintf(key, sizeof(key), "\"%s\":\"", name);
    const char *at = strstr(w->line, key);
    if (at == NULL)
        give_up(w, name);
    at += strlen(key);
    snprintf(out, cap, "%.*s", (int)strcspn(at, "\""), at);
}

void find_knock(struct desk_world *w, char *out)
{
    if (WORKER(w, "", "inbox", "--json", "--wait", "20") != 0)
        give_up(w, "no inbox");
    char *waiting = strstr(w->line, "\"state\":\"waiting\"");
    if (waiting == NULL)
        give_up(w, "no knock in the inbox");
    while (waiting > w->line && waiting[-1] != '\n')
        waiting--;
    memmove(w->line, waiting, strlen(waiting) + 1);
    member(w, "conversation", out, 33);
}

void converse(struct desk_world *w, struct process *her, struct process *worker, char *conversation)
{
    participant_knock(w, her, "hola");
    find_knock(w, conversation);
    WORKER_START(w, worker, "chat", conversation, "--json");
    if (!await(w, worker, "\"event\":\"message\"", "\"text\":\"hola\"") || !process_write(worker, "buenas\n") ||
        !await(w, her, "\"event\":\"message\"", "\"text\":\"buenas\""))
        give_up(w, "no conversation");
}
