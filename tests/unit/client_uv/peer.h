/* The other end of a connection: a TCP server in the same loop that follows a script. */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { PEER_STEPS_MAX = 8, PEER_CONNECTIONS_MAX = 4 };

/* When `after` bytes came in on a connection: say something, or hang up. */
struct peer_step {
    size_t after;
    const char *say;
    size_t say_len;
    bool hang_up;
};

struct peer;

struct peer_connection {
    struct peer *peer;
    uv_tcp_t tcp;
    size_t next_step;
    uint8_t *got;
    size_t got_len;
    bool ended; /* the other side closed properly */
    bool reset;
    bool open;
};

struct peer {
    uv_tcp_t server;
    uint16_t port;
    struct peer_step steps[PEER_STEPS_MAX];
    size_t step_count;
    bool deaf; /* accepts and reads nothing */
    struct peer_connection connections[PEER_CONNECTIONS_MAX];
    size_t count;
};

/* Listens on 127.0.0.1, on a port of the system's choice. */
void peer_open(struct peer *p, uv_loop_t *loop);
void peer_step(struct peer *p, size_t after, const char *say, size_t say_len);
void peer_hang_up(struct peer *p, size_t after);
void peer_hear(struct peer *p); /* a deaf one begins to read */
void peer_close(struct peer *p); /* the loop must run afterwards */
void peer_clear(struct peer *p);

#endif
