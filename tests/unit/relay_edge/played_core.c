#define _GNU_SOURCE
#include "tests/unit/relay_edge/played_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <uv.h>

struct played_core core;
struct played_time played_time;

uint64_t __real_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop);
int __real_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat);

uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    return played_time.stands_at != 0 ? played_time.stands_at : __real_uv_now(loop) + played_time.ahead_ms;
}

int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
    return __real_uv_timer_start(timer, cb, played_time.hurry ? 1 : timeout, played_time.hurry ? 1 : repeat);
}

uint8_t core_byte(size_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

static void end_session(struct session *s)
{
    const struct carrier carrier = s->carrier;
    core.session = NULL;
    core.ended++;
    free(s);
    carrier.close(carrier.ctx);
}

bool core_write_on(struct session *s)
{
    static uint8_t piece[CORE_PIECE];
    while (s->written < s->to_write && !s->waiting) {
        size_t n = s->to_write - s->written < CORE_PIECE ? s->to_write - s->written : CORE_PIECE;
        for (size_t i = 0; i < n; i++)
            piece[i] = core_byte(s->written + i);
        s->written += n;
        s->waiting = !s->carrier.write(s->carrier.ctx, piece, n);
    }
    if (s->written < s->to_write || !s->end_when_written)
        return true;
    end_session(s);
    return false;
}

bool relay_make_room(struct relay *r, struct now now)
{
    (void)r;
    (void)now;
    if (!core.make_room || core.session == NULL)
        return false;
    end_session(core.session);
    return true;
}

struct session *session_open(struct relay *r, const struct carrier *carrier, struct now now)
{
    (void)r;
    assert_true(now.utc_ms > 1500000000000);
    if (core.refuse)
        return NULL;
    struct session *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->carrier = *carrier;
    core.opened++;
    core.session = s;
    return s;
}

/* More than a socket takes, in one piece; then it is over. */
static void write_and_end(struct session *s)
{
    uint8_t *all = malloc(CORE_BIG);
    assert_non_null(all);
    for (size_t i = 0; i < CORE_BIG; i++)
        all[i] = core_byte(i);
    assert_false(s->carrier.write(s->carrier.ctx, all, CORE_BIG));
    free(all);
    end_session(s);
}

bool session_receive(struct session *s, const uint8_t *data, size_t len, struct now now)
{
    (void)now;
    assert_false(s->paused);
    assert_true(len > 0);
    for (size_t i = 0; i < len; i++) {
        s->received++;
        s->sum += data[i];
    }
    uint8_t what = data[0];
    if (what == 'x') {
        end_session(s);
        return false;
    }
    if (what == 'h') {
        write_and_end(s);
        return false;
    }
    if (what == 'p')
        s->paused = true;
    if (what != 'b' && what != 'e')
        return true;
    s->to_write += CORE_BIG;
    s->end_when_written = what == 'e';
    return core_write_on(s);
}

bool session_paused(const struct session *s)
{
    return s->paused;
}

void core_resume(struct session *s)
{
    s->paused = false;
    s->carrier.resume(s->carrier.ctx);
}

void session_writable(struct session *s)
{
    assert_true(s->waiting);
    s->waiting = false;
    (void)core_write_on(s);
}

void session_close(struct session *s)
{
    core.closed++;
    core.session = NULL;
    free(s);
}
