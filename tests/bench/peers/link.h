/*
 * Connections of the load generator to other brokers: what comes in is handed over unit by unit, what is to go out is collected and
 * written at the end of a turn, in one call.
 */
#ifndef BENCH_LINK_H
#define BENCH_LINK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *b;
    size_t len, room;
};

struct links;

struct link {
    struct links *all;
    struct link *next_marked; /* has something to write */
    struct bytes in, out;
    int fd;
    bool marked, waits_to_write;
};

enum { UNIT_BAD = -1 };

struct links {
    int epoll;
    struct link *marked;
    /* Takes the unit at b: its length; 0 if it is not complete; UNIT_BAD. */
    long (*heard)(struct link *l, const uint8_t *b, size_t len);
    void (*lost)(struct link *l, const char *why);
};

bool links_init(struct links *all);
void links_free(struct links *all);

/* Connected when it returns. from: the local address, or 0 for any. */
bool link_open(struct link *l, struct links *all, const struct sockaddr_in *to, in_addr_t from);
void link_close(struct link *l);

void link_put(struct link *l, const void *b, size_t len);
__attribute__((format(printf, 2, 3))) void link_print(struct link *l, const char *format, ...);

/* Waits no longer than that for something to happen, then reads and writes. */
void links_turn(struct links *all, int wait_ms);

#endif
