#define _GNU_SOURCE
#include "tests/bench/peers/link.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_A_TURN = 256, READ_BYTES = 256 * 1024, TEXT_BYTES = 1024 };

/* A load generator without memory has nothing to say. */
static void reserve(struct bytes *s, size_t more)
{
    size_t room = s->room != 0 ? s->room : 512;
    while (room < s->len + more)
        room *= 2;
    if (room == s->room)
        return;
    s->b = realloc(s->b, room);
    if (s->b == NULL)
        abort();
    s->room = room;
}

static void append(struct bytes *s, const void *b, size_t len)
{
    reserve(s, len);
    memcpy(s->b + s->len, b, len);
    s->len += len;
}

static void take_off(struct bytes *s, size_t len)
{
    s->len -= len;
    memmove(s->b, s->b + len, s->len);
}

bool links_init(struct links *all)
{
    all->epoll = epoll_create1(EPOLL_CLOEXEC);
    return all->epoll >= 0;
}

void links_free(struct links *all)
{
    close(all->epoll);
}

static void watch(struct link *l, int how, uint32_t events)
{
    struct epoll_event e = {.events = events, .data = {.ptr = l}};
    if (epoll_ctl(l->all->epoll, how, l->fd, &e) != 0)
        abort();
}

bool link_open(struct link *l, struct links *all, const struct sockaddr_in *to, in_addr_t from)
{
    int yes = 1;
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr = {from}};

    memset(l, 0, sizeof(*l));
    l->all = all;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return false;
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if ((from != 0 && bind(l->fd, (const struct sockaddr *)&local, sizeof(local)) != 0) ||
        connect(l->fd, (const struct sockaddr *)to, sizeof(*to)) != 0) {
        close(l->fd);
        l->fd = -1;
        return false;
    }
    watch(l, EPOLL_CTL_ADD, EPOLLIN);
    return true;
}

static void unmark(struct link *l)
{
    struct link **at = &l->all->marked;
    while (*at != l)
        at = &(*at)->next_marked;
    *at = l->next_marked;
    l->marked = false;
}

void link_close(struct link *l)
{
    if (l->marked)
        unmark(l);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    free(l->in.b);
    free(l->out.b);
    memset(&l->in, 0, sizeof(l->in));
    memset(&l->out, 0, sizeof(l->out));
}

static void mark(struct link *l)
{
    if (l->marked || l->waits_to_write)
        return;
    l->marked = true;
    l->next_marked = l->all->marked;
    l->all->marked = l;
}

void link_put(struct link *l, const void *b, size_t len)
{
    append(&l->out, b, len);
    mark(l);
}

void link_print(struct link *l, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(text))
        abort();
    link_put(l, text, (size_t)n);
}

static void lose(struct link *l, const char *why)
{
    link_close(l);
    l->all->lost(l, why);
}

/* Units straight from where they were read; only the incomplete one behind them is kept. */
static void hand_over(struct link *l, const uint8_t *b, size_t len)
{
    size_t at = 0;
    while (at < len && l->fd >= 0) {
        long n = l->all->heard(l, b + at, len - at);
        if (n == UNIT_BAD) {
            lose(l, "the server said what was not expected");
            return;
        }
        if (n == 0)
            break;
        at += (size_t)n;
    }
    if (l->fd < 0)
        return;
    if (b == l->in.b)
        take_off(&l->in, at);
    else if (at < len)
        append(&l->in, b + at, len - at);
}

static void read_in(struct link *l)
{
    static uint8_t room[READ_BYTES];
    ssize_t n = recv(l->fd, room, sizeof(room), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        lose(l, "the connection ended");
        return;
    }
    if (l->in.len == 0) {
        hand_over(l, room, (size_t)n);
        return;
    }
    append(&l->in, room, (size_t)n);
    hand_over(l, l->in.b, l->in.len);
}

static void write_out(struct link *l)
{
    if (l->fd < 0 || l->out.len == 0)
        return;
    ssize_t n = send(l->fd, l->out.b, l->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        lose(l, "the connection ended");
        return;
    }
    if (n > 0)
        take_off(&l->out, (size_t)n);
    bool waits = l->out.len > 0;
    if (waits != l->waits_to_write)
        watch(l, EPOLL_CTL_MOD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    l->waits_to_write = waits;
}

void links_turn(struct links *all, int wait_ms)
{
    struct epoll_event events[EVENTS_A_TURN];
    int n = epoll_wait(all->epoll, events, EVENTS_A_TURN, all->marked != NULL ? 0 : wait_ms);
    for (int i = 0; i < n; i++) {
        struct link *l = events[i].data.ptr;
        if ((events[i].events & EPOLLOUT) != 0)
            write_out(l);
        if (l->fd >= 0 && (events[i].events & ~(uint32_t)EPOLLOUT) != 0)
            read_in(l);
    }
    while (all->marked != NULL) {
        struct link *l = all->marked;
        all->marked = l->next_marked;
        l->marked = false;
        write_out(l);
    }
}
