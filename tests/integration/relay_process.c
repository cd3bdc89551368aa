#define _GNU_SOURCE

#include "tests/integration/relay_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { START_MS = 20000, STOP_MS = 10000, LINE_BYTES = 512, KEY_LEN = 43 };

static _Noreturn void give_up(const char *what, const char *said)
{
    fprintf(stderr, "test: the relay %s: %s\n", what, said);
    abort();
}

void relay_configure(const struct relay_process *r, const char *settings)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/relay.conf", r->dir);
    FILE *f = fopen(path, "w");
    if (f == NULL)
        give_up("has no config", strerror(errno));
    fprintf(f, "[relay]\nlisten = 127.0.0.1:%u\n%s", (unsigned)r->port, settings);
    if (fclose(f) != 0)
        give_up("has no config", strerror(errno));
}

/* init prints the address with the key behind a slash. */
static void find_address(struct relay_process *r, const char *said)
{
    char head[32];
    snprintf(head, sizeof(head), "127.0.0.1:%u/", (unsigned)r->port);
    const char *at = strstr(said, head);
    if (at == NULL || strlen(at) < strlen(head) + KEY_LEN)
        give_up("did not print its address", said);
    snprintf(r->address, sizeof(r->address), "%.*s", (int)strlen(head) + KEY_LEN, at);
}

void relay_set_up(struct relay_process *r, const char *program, const char *settings)
{
    char said[4096], listen[32];
    memset(r, 0, sizeof(*r));
    r->program = program;
    r->port = process_free_port();
    folder_make(r->folder, sizeof(r->folder));
    snprintf(r->dir, sizeof(r->dir), "%s/relay", r->folder);
    snprintf(listen, sizeof(listen), "127.0.0.1:%u", (unsigned)r->port);
    const char *const init[] = {program, "init", r->dir, "--listen", listen, NULL};
    if (process_run(init, NULL, said, sizeof(said)) != 0)
        give_up("cannot be set up", said);
    find_address(r, said);
    relay_configure(r, settings);
}

void relay_start(struct relay_process *r)
{
    char line[LINE_BYTES] = "nothing";
    const char *const serve[] = {r->program, "serve", r->dir, NULL};
    process_start(&r->process, serve);
    if (!process_line_with(&r->process, "listening on", line, sizeof(line), START_MS))
        give_up("does not start; it said last", line);
}

void relay_kill(struct relay_process *r)
{
    process_kill(&r->process);
}

int relay_stop(struct relay_process *r)
{
    process_signal(&r->process, SIGTERM);
    int code = process_wait(&r->process, STOP_MS);
    if (code == -1)
        give_up("does not stop", "it was asked with SIGTERM");
    return code;
}

bool relay_hear(struct relay_process *r, bool show)
{
    char line[LINE_BYTES];
    struct pollfd fd = {r->process.out, POLLIN, 0};
    while (process_line(&r->process, line, sizeof(line), 0))
        if (show)
            printf("relay: %s\n", line);
    return poll(&fd, 1, 0) == 0 || (fd.revents & POLLHUP) == 0;
}

void relay_voucher(const struct relay_process *r, char *out, size_t cap)
{
    char said[4096];
    const char *const make[] = {r->program, "voucher", "new", r->dir, NULL};
    if (process_run(make, NULL, said, sizeof(said)) != 0)
        give_up("gives no voucher", said);
    said[strcspn(said, "\n")] = '\0';
    const char *last = strrchr(said, ' ');
    snprintf(out, cap, "%s", last == NULL ? said : last + 1);
}

void relay_tear_down(struct relay_process *r)
{
    process_kill(&r->process);
    folder_remove(r->folder);
}
