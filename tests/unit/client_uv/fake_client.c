#include "tests/unit/client_uv/fake_client.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

void fake_init(struct zg_client *c)
{
    memset(c, 0, sizeof(*c));
    c->deadline = UINT64_MAX;
    c->received = malloc(FAKE_RECEIVED_MAX);
    assert_non_null(c->received);
}

void fake_clear(struct zg_client *c)
{
    free(c->received);
    c->received = NULL;
    c->cleared = true;
}

static void add(struct zg_client *c, zg_io io)
{
    assert_true(c->io_count < FAKE_IO_MAX);
    c->io[c->io_count++] = io;
}

void fake_connect(struct zg_client *c, uint32_t link, const char *host, uint16_t port)
{
    add(c, (zg_io){.kind = ZG_IO_CONNECT, .link = link, .host = host, .port = port});
}

void fake_send(struct zg_client *c, uint32_t link, const void *data, size_t len)
{
    add(c, (zg_io){.kind = ZG_IO_SEND, .link = link, .data = data, .len = len});
}

void fake_close(struct zg_client *c, uint32_t link)
{
    add(c, (zg_io){.kind = ZG_IO_CLOSE, .link = link});
}

static void tell(struct zg_client *c)
{
    assert_false(c->cleared);
    if (c->news != NULL)
        c->news(c, c->ctx);
}

bool zg_client_io(zg_client *c, zg_io *out)
{
    assert_false(c->cleared);
    if (c->io_first == c->io_count) {
        c->io_first = c->io_count = 0;
        return false;
    }
    *out = c->io[c->io_first++];
    return true;
}

void zg_client_link_opened(zg_client *c, uint32_t link, zg_now now)
{
    (void)now;
    c->opened++;
    c->last_opened = link;
    tell(c);
}

void zg_client_link_received(zg_client *c, uint32_t link, const uint8_t *data, size_t len, zg_now now)
{
    (void)link;
    (void)now;
    assert_true(len <= FAKE_RECEIVED_MAX - c->received_len);
    memcpy(c->received + c->received_len, data, len);
    c->received_len += len;
    tell(c);
}

void zg_client_link_closed(zg_client *c, uint32_t link, zg_now now)
{
    (void)now;
    c->closed++;
    c->last_closed = link;
    tell(c);
}

void zg_client_advance(zg_client *c, zg_now now)
{
    c->advanced++;
    c->advanced_at = now;
    c->deadline = UINT64_MAX;
    tell(c);
}

uint64_t zg_client_deadline(const zg_client *c)
{
    return c->deadline;
}
