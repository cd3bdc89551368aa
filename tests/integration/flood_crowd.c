/* A crowd from one address: of one that is not shared only some may stay, of one that is shared all. */
#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/flood.h"

enum { QUIET_MS = 500 };

static int come(uint16_t port, uint32_t host)
{
    struct sockaddr_in from = address_of(host, 0), to = address_of(INADDR_LOOPBACK, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&from, sizeof(from)) != 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
        fault("a crowd cannot come: %s", strerror(errno));
    return fd;
}

/* The relay says nothing to them: whoever hears something was closed. */
static bool stays(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, 0) == 0;
}

uint32_t flood_crowd(uint16_t port, uint32_t host)
{
    int fd[CROWD];
    uint32_t stay = 0;
    for (size_t i = 0; i < CROWD; i++)
        fd[i] = come(port, host);
    poll(NULL, 0, QUIET_MS);
    for (size_t i = 0; i < CROWD; i++) {
        stay += stays(fd[i]);
        close(fd[i]);
    }
    return stay;
}
