/*
 * A client that does what a test says: stands in for libzaguan when the driver alone is tested. It defines those
 * functions of zaguan/client.h that the driver calls.
 */
#ifndef TESTS_FAKE_CLIENT_H
#define TESTS_FAKE_CLIENT_H

#include <zaguan/client.h>

enum { FAKE_IO_MAX = 8, FAKE_RECEIVED_MAX = 4 * 1024 * 1024 };

struct zg_client {
    zg_io io[FAKE_IO_MAX];
    size_t io_first;
    size_t io_count;
    uint64_t deadline;
    int advanced;
    zg_now advanced_at;
    /* of all links together */
    int opened;
    int closed;
    uint32_t last_opened;
    uint32_t last_closed;
    uint8_t *received;
    size_t received_len;
    bool cleared; /* any call afterwards ends the test */
    /* Called inside each of the functions that the driver calls with news. */
    void (*news)(struct zg_client *c, void *ctx);
    void *ctx;
};

void fake_init(struct zg_client *c);
void fake_clear(struct zg_client *c);

void fake_connect(struct zg_client *c, uint32_t link, const char *host, uint16_t port);
void fake_send(struct zg_client *c, uint32_t link, const void *data, size_t len);
void fake_close(struct zg_client *c, uint32_t link);

#endif
