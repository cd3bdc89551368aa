#define _GNU_SOURCE
#include "relay/edge/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char ready[] = "READY=1\nSTATUS=listening";

/* A path, or an abstract name with @ in place of the zero in front. */
int notify_open(void)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    const char *name = getenv("NOTIFY_SOCKET");
    size_t len = name != NULL ? strlen(name) : 0;
    if (len < 2 || len >= sizeof(where.sun_path) || (name[0] != '/' && name[0] != '@'))
        return -1;
    memcpy(where.sun_path, name, len);
    if (name[0] == '@')
        where.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&where,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
        return fd;
    close(fd);
    return -1;
}

void notify_ready(int fd)
{
    if (fd < 0)
        return;
    (void)!write(fd, ready, sizeof(ready) - 1); /* if it does not come, systemd says so */
    close(fd);
}
