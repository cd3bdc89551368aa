#define _GNU_SOURCE
#include "relay/edge/web_start.h"

#include <stdio.h>
#include <string.h>

#include "relay/edge/log.h"

enum { CONNECT_MAX = 2400 };

static bool ends_in_onion(const char *address)
{
    size_t len = strcspn(address, ":");
    return len > 6 && strncmp(address + len - 6, ".onion", 6) == 0;
}

/* An onion service needs no TLS. */
static void add_connect(FILE *out, const char *address)
{
    fprintf(out, "%swss://%s", ftell(out) > 0 ? " " : "", address);
    if (ends_in_onion(address))
        fprintf(out, " ws://%s", address);
}

/* false: they are too long, which config.h keeps from happening. */
static bool write_connect(const struct config *c, char out[CONNECT_MAX])
{
    char copy[sizeof(c->web_addresses)], *rest = NULL;
    FILE *f = fmemopen(out, CONNECT_MAX, "w");
    if (f == NULL)
        return false;
    memcpy(copy, c->web_addresses, sizeof(copy));
    if (c->address[0] != '\0')
        add_connect(f, c->address);
    for (char *word = strtok_r(copy, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest))
        add_connect(f, word);
    fputc('\0', f);
    return fclose(f) == 0;
}

static bool open_site(struct web_part *p, const struct config *c)
{
    char why[300];
    if (c->page[0] == '\0' || site_open(&p->site, c->page, why, sizeof(why)) == ZG_OK)
        return true;
    log_line(LOG_ERROR, "page: %s", why);
    return false;
}

static bool listen_all(struct web_part *p, struct streams *streams, const struct config *c)
{
    char bound[ADDRESS_BYTES_MAX + 1], why[160];
    for (size_t i = 0; i < c->listen_web_count; i++) {
        const struct address *a = &c->listen_web[i];
        if (streams_listen(streams, a, &web_handler, p->web, bound, why, sizeof(why)) != ZG_OK) {
            log_line(LOG_ERROR, "cannot listen on %s port %u: %s", a->host, (unsigned)a->port, why);
            return false;
        }
        printf("listening for browsers on %s\n", bound);
    }
    return true;
}

bool web_part_open(struct web_part *p, uv_loop_t *loop, struct relay *relay, struct streams *streams,
                   const struct config *config)
{
    char connect[CONNECT_MAX];

    *p = (struct web_part){NULL, NULL};
    if (config->listen_web_count == 0) {
        if (config->page[0] == '\0')
            return true;
        log_line(LOG_ERROR, "there is a page, but no listen-web");
        return false;
    }
    if (!open_site(p, config))
        return false;
    const struct web_options options = {loop, relay, p->site, connect};
    if (!write_connect(config, connect) || web_open(&p->web, &options) != ZG_OK) {
        log_line(LOG_ERROR, "no memory for browsers");
        return false;
    }
    return listen_all(p, streams, config);
}

void web_part_close(struct web_part *p)
{
    web_close(p->web);
    p->web = NULL;
}

void web_part_free(struct web_part *p)
{
    site_close(p->site);
    p->site = NULL;
}
