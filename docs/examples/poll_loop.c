/* Knocks at the desk of a contact card and prints what comes back, until the other side ends the conversation. */
#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zaguan/client.h>

static zg_now now(void)
{
    struct timespec m, u;
    clock_gettime(CLOCK_MONOTONIC, &m);
    clock_gettime(CLOCK_REALTIME, &u);
    return (zg_now){(uint64_t)m.tv_sec * 1000 + (uint64_t)m.tv_nsec / 1000000,
                    (uint64_t)u.tv_sec * 1000 + (uint64_t)u.tv_nsec / 1000000};
}

static int dial(const char *host, uint16_t port) /* waits; a program with a window would not */
{
    char service[8];
    struct addrinfo *a, hints = {.ai_socktype = SOCK_STREAM};
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    if (getaddrinfo(host, service, &hints, &a) != 0)
        return -1;
    int fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0 && close(fd) == 0)
        fd = -1;
    freeaddrinfo(a);
    return fd;
}

/* What the client wants from the network. A participant talks to one relay, so there is one link at a time. */
static void do_io(zg_client *c, struct pollfd *link, uint32_t *id)
{
    for (zg_io io; zg_client_io(c, &io);) {
        if (io.kind == ZG_IO_CONNECT) {
            *id = io.link;
            link->fd = dial(io.host, io.port);
            (link->fd >= 0 ? zg_client_link_opened : zg_client_link_closed)(c, *id, now());
        } else if (io.kind == ZG_IO_SEND) {
            for (ssize_t n; io.len > 0 && (n = send(link->fd, io.data, io.len, MSG_NOSIGNAL)) > 0; io.len -= (size_t)n)
                io.data += n;
        } else if (close(link->fd) == 0) { /* ZG_IO_CLOSE */
            link->fd = -1; /* poll passes over it */
        }
    }
}

/* Waits for bytes, or for the time at which the client wants to be called. */
static void wait_for(zg_client *c, struct pollfd *link, uint32_t id)
{
    static uint8_t buffer[65536];
    uint64_t due = zg_client_deadline(c), t = now().mono_ms;
    ssize_t n = 1;
    if (poll(link, 1, due <= t ? 0 : due - t > 1000 ? 1000 : (int)(due - t)) > 0) {
        n = read(link->fd, buffer, sizeof(buffer));
        if (n > 0)
            zg_client_link_received(c, id, buffer, (size_t)n, now());
    }
    if (n <= 0 && close(link->fd) == 0) {
        link->fd = -1;
        zg_client_link_closed(c, id, now()); /* it opens another when it is time */
    }
    zg_client_advance(c, now());
}

int main(void)
{
    const zg_client_options options = {.size = sizeof(options)}; /* no vault: everything stays in memory */
    char card[2048], text[1024];
    zg_client *c;
    zg_id conversation;
    zg_message m;
    struct pollfd link = {.fd = -1, .events = POLLIN};
    uint32_t id = 0;
    bool over = false;

    if (!fgets(card, sizeof(card), stdin) || !fgets(text, sizeof(text), stdin) ||
        zg_client_new(&c, &options, now()) != ZG_OK)
        return 1;
    while (!over) {
        for (zg_event e; !over && zg_client_event(c, &e);) {
            over = e.kind == ZG_EVENT_KNOCK_FAILED || e.kind == ZG_EVENT_ENDED;
            if (e.kind == ZG_EVENT_READY)
                over = zg_client_knock(c, card, strlen(card), text, strcspn(text, "\n"), NULL, &conversation, now());
            if (e.kind == ZG_EVENT_MESSAGE && zg_client_message(c, &e.conversation, &e.message, &m) == ZG_OK) {
                printf("%.*s\n", (int)m.text_len, m.text); /* for a terminal, take control characters out */
                over = fflush(stdout) != 0 || zg_client_read(c, &e.conversation, &e.message, now()) != ZG_OK;
            }
        }
        do_io(c, &link, &id);
        wait_for(c, &link, id);
    }
    zg_client_free(c);
    return 0;
}
