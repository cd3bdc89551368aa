/*
 * Happy path: accept, read a line, find its command; the command submits a job; its completion writes the
 * answer; when that is out the connection closes. Failure: a line that is too long or not understood is
 * answered in words; a caller who goes away while the job is on the way is kept until it comes back, and then
 * freed. At most CALLERS_MAX at once.
 */
#define _GNU_SOURCE
#include "relay/edge/admin.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/edge/clock.h"
#include "relay/edge/copy.h"
#include "relay/edge/folder.h"
#include "relay/edge/status.h"

enum { CALLERS_MAX = 8 };

struct caller {
    uv_pipe_t pipe;
    uv_write_t req;
    struct admin *admin;
    char line[ADMIN_LINE_MAX + 1];
    size_t len;
    char answer[ADMIN_ANSWER_MAX];
    struct store_job job;
    struct store_write write;
    struct name name;
    struct copy *copy; /* a backup that it waits for; NULL: none */
    bool asked;        /* the line is complete */
    bool job_out;      /* the store has it */
    bool pipe_gone;    /* the close callback came */
};

struct admin {
    struct admin_options options;
    uv_pipe_t pipe;
    size_t callers;
    struct caller *caller[CALLERS_MAX];
    bool copying; /* one at a time */
    bool waits;   /* somebody called, and there was no memory */
    bool closing, pipe_gone;
};

uint32_t voucher_end_hour(uint32_t hour)
{
    return hour + VOUCHER_DAYS * 24 + 1;
}

/* --- the end of a caller --- */

static void forget_admin(struct admin *a)
{
    if (a->closing && a->pipe_gone && a->callers == 0)
        free(a);
}

static void forget_caller(struct caller *c)
{
    struct admin *a = c->admin;
    if (c->job_out || !c->pipe_gone)
        return;
    for (size_t i = 0; i < CALLERS_MAX; i++)
        if (a->caller[i] == c)
            a->caller[i] = NULL;
    a->callers--;
    free(c);
    forget_admin(a);
}

static void on_closed(uv_handle_t *handle)
{
    struct caller *c = handle->data;
    c->pipe_gone = true;
    forget_caller(c);
}

static void drop(struct caller *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->pipe))
        uv_close((uv_handle_t *)&c->pipe, on_closed);
}

/* --- answers --- */

static void on_written(uv_write_t *req, int status)
{
    (void)status;
    drop(req->data);
}

/* Sends c->answer. */
static void answer(struct caller *c)
{
    uv_buf_t buf = uv_buf_init(c->answer, (unsigned)strlen(c->answer));
    if (uv_is_closing((uv_handle_t *)&c->pipe))
        return;
    c->req.data = c;
    if (uv_write(&c->req, (uv_stream_t *)&c->pipe, &buf, 1, on_written) != 0)
        drop(c);
}

static void answer_error(struct caller *c, const char *words)
{
    snprintf(c->answer, sizeof(c->answer), "error %s\n", words);
    answer(c);
}

/* --- commands --- */

static void submit(struct caller *c, enum job_kind kind, void (*done)(struct store_job *job))
{
    struct store *s = c->admin->options.store;
    c->job.kind = kind;
    c->job.done = done;
    c->job.ctx = c;
    c->job_out = true;
    s->submit(s, &c->job);
}

static void on_counted(struct store_job *job)
{
    struct caller *c = job->ctx;
    const struct status_facts *facts = c->admin->options.facts;
    struct status_numbers n = {.counts = job->u.counts,
                               .keys_volatile = facts->keys_volatile,
                               .sandboxed = facts->sandboxed,
                               .memory_locked = facts->memory_locked};
    char lines[STATUS_TEXT_MAX];

    c->job_out = false;
    if (c->pipe_gone || c->admin->closing) {
        forget_caller(c);
        return;
    }
    if (job->result != ZG_OK) {
        answer_error(c, zg_err_text(job->result));
        return;
    }
    uint64_t now_s = clock_now(c->admin->options.loop).utc_ms / 1000;
    relay_stats(c->admin->options.relay, &n.stats);
    n.uptime_s = now_s > n.stats.started_utc_s ? now_s - n.stats.started_utc_s : 0;
    status_encode(&n, lines);
    snprintf(c->answer, sizeof(c->answer), "ok\n%s", lines);
    answer(c);
}

static void ask_status(struct caller *c, const char *arguments)
{
    (void)arguments;
    submit(c, JOB_COUNTS, on_counted);
}

static void on_voucher_stored(struct store_job *job)
{
    struct caller *c = job->ctx;
    c->job_out = false;
    if (c->pipe_gone || c->admin->closing) {
        forget_caller(c);
        return;
    }
    snprintf(c->answer, sizeof(c->answer), "ok\n");
    if (job->result != ZG_OK)
        answer_error(c, zg_err_text(job->result));
    else
        answer(c);
}

static void ask_voucher(struct caller *c, const char *arguments)
{
    char hex[2 * WIRE_NAME_BYTES + 1] = "";
    struct relay_stats stats;
    size_t got = 0;
    unsigned kind;
    int used = 0;

    if (sscanf(arguments, "%1u %32[0-9a-f]%n", &kind, hex, &used) != 2 || arguments[used] != '\0' ||
        kind < VOUCHER_DESK || kind > VOUCHER_LASTING_SLOT ||
        sodium_hex2bin(c->name.b, sizeof(c->name.b), hex, strlen(hex), NULL, &got, NULL) != 0 ||
        got != sizeof(c->name.b)) {
        answer_error(c, "voucher: a kind and a name are needed");
        return;
    }
    relay_stats(c->admin->options.relay, &stats);
    memset(&c->write, 0, sizeof(c->write));
    c->write.kind = WRITE_VOUCHERS;
    c->write.u.vouchers.kind = (enum voucher_kind)kind;
    c->write.u.vouchers.hour = voucher_end_hour((uint32_t)stats.hour);
    c->write.u.vouchers.count = 1;
    c->write.u.vouchers.names = &c->name;
    c->job.u.commit.writes = &c->write;
    c->job.u.commit.count = 1;
    c->job.u.commit.hour = 0;
    submit(c, JOB_COMMIT, on_voucher_stored);
}

/* Done, or given up. */
static void end_copy(struct caller *c)
{
    copy_end(c->copy);
    free(c->copy);
    c->copy = NULL;
    c->admin->copying = false;
}

/* The next slice goes behind what others want of the disk meanwhile. When the relay stops, the store drops
 * what is not complete. */
static void on_copied(struct store_job *job)
{
    struct caller *c = job->ctx;
    struct store *s = c->admin->options.store;
    bool more = job->result == ZG_OK && job->u.backup.more;

    if (more && !c->admin->closing) {
        s->submit(s, job);
        return;
    }
    c->job_out = false;
    if (!more && c->pipe_gone)
        unlink(c->copy->path); /* nobody heard that it is there */
    snprintf(c->answer, sizeof(c->answer), "ok\n");
    if (job->result != ZG_OK)
        snprintf(c->answer, sizeof(c->answer), "error the backup failed: %s\n", copy_trouble(c->copy));
    end_copy(c);
    if (c->pipe_gone || c->admin->closing)
        forget_caller(c);
    else
        answer(c);
}

static void ask_backup(struct caller *c, const char *arguments)
{
    struct store *s = c->admin->options.store;
    char why[300];
    unsigned scope;
    int used = 0;

    if (sscanf(arguments, "%1u %n", &scope, &used) != 1 || used == 0 || scope > BACKUP_EVERYTHING) {
        answer_error(c, "backup: a scope and a path are needed");
        return;
    }
    if (c->admin->copying || (c->copy = calloc(1, sizeof(*c->copy))) == NULL) {
        answer_error(c, "a backup is being made already, or there is no memory; try again later");
        return;
    }
    c->admin->copying = true;
    if (!copy_begin(c->copy, arguments + used, (enum backup_scope)scope, why, sizeof(why))) {
        end_copy(c);
        answer_error(c, why);
        return;
    }
    c->copy->job.done = on_copied;
    c->copy->job.ctx = c;
    c->job_out = true;
    s->submit(s, &c->copy->job);
}

static const struct {
    const char *word;
    void (*ask)(struct caller *c, const char *arguments);
} commands[] = {
    {"status", ask_status},
    {"voucher", ask_voucher},
    {"backup", ask_backup},
};

/* line: without its line feed. */
static void run_line(struct caller *c, const char *line)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        size_t len = strlen(commands[i].word);
        if (strncmp(line, commands[i].word, len) != 0 || (line[len] != '\0' && line[len] != ' '))
            continue;
        commands[i].ask(c, line[len] == ' ' ? line + len + 1 : "");
        return;
    }
    answer_error(c, "there is no such command; is this the same version of zaguan-relay?");
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct caller *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->line + c->len, (unsigned)(ADMIN_LINE_MAX - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct caller *c = stream->data;
    (void)buf;
    if (n < 0 && (n != UV_ENOBUFS || c->asked)) {
        drop(c);
        return;
    }
    if (c->asked)
        return;
    if (n > 0)
        c->len += (size_t)n;
    char *end = memchr(c->line, '\n', c->len);
    if (end == NULL && c->len < ADMIN_LINE_MAX)
        return;
    c->asked = true;
    uv_read_stop(stream);
    if (end == NULL) {
        answer_error(c, "the line is too long");
        return;
    }
    *end = '\0';
    run_line(c, c->line);
}

/* false: there are too many, and c will not be remembered. */
static bool remember(struct admin *a, struct caller *c)
{
    for (size_t i = 0; i < CALLERS_MAX; i++)
        if (a->caller[i] == NULL) {
            a->caller[i] = c;
            return true;
        }
    return false;
}

static void accept_caller(struct admin *a)
{
    struct caller *c = calloc(1, sizeof(*c));
    a->waits = c == NULL || uv_pipe_init(a->options.loop, &c->pipe, 0) != 0;
    if (a->waits) {
        free(c);
        return;
    }
    c->pipe.data = c;
    c->admin = a;
    a->callers++;
    if (uv_accept((uv_stream_t *)&a->pipe, (uv_stream_t *)&c->pipe) != 0 || !remember(a, c) ||
        uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) != 0)
        drop(c);
}

/* As long as a call is not accepted, libuv brings no other. */
static void on_connection(uv_stream_t *stream, int status)
{
    if (status == 0)
        accept_caller(stream->data);
}

void admin_turn(struct admin *a)
{
    if (a->waits)
        accept_caller(a);
}

/* --- life --- */

static void on_admin_closed(uv_handle_t *handle)
{
    struct admin *a = handle->data;
    a->pipe_gone = true;
    forget_admin(a);
}

zg_err admin_open(struct admin **out, const struct admin_options *options, char *why, size_t why_cap)
{
    struct admin *a = calloc(1, sizeof(*a));
    if (a == NULL || uv_pipe_init(options->loop, &a->pipe, 0) != 0) {
        free(a);
        snprintf(why, why_cap, "out of memory");
        return ZG_ERR_MEMORY;
    }
    a->options = *options;
    a->pipe.data = a;
    /* Left behind by a relay that was ended hard; nobody else can be using it, we hold the folder's lock. */
    unlink(FOLDER_SOCKET);
    int rc = uv_pipe_bind(&a->pipe, FOLDER_SOCKET);
    if (rc == 0 && chmod(FOLDER_SOCKET, 0600) != 0)
        rc = uv_translate_sys_error(errno);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&a->pipe, CALLERS_MAX, on_connection);
    if (rc != 0) {
        snprintf(why, why_cap, "%s: %s", FOLDER_SOCKET, uv_strerror(rc));
        admin_close(a);
        return ZG_ERR_STORAGE;
    }
    *out = a;
    return ZG_OK;
}

void admin_close(struct admin *a)
{
    a->closing = true;
    unlink(FOLDER_SOCKET);
    for (size_t i = 0; i < CALLERS_MAX; i++)
        if (a->caller[i] != NULL)
            drop(a->caller[i]);
    uv_close((uv_handle_t *)&a->pipe, on_admin_closed);
}
