#define _GNU_SOURCE
#include "relay/edge/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "relay/edge/admin.h"
#include "relay/edge/folder.h"

static int reach(int patience_s)
{
    const struct timeval patience = {patience_s, 0};
    struct sockaddr_un where = {.sun_family = AF_UNIX, .sun_path = FOLDER_SOCKET};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&where, sizeof(where)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Until the relay closes; zero-terminated. */
static int read_answer(int fd, char *out, size_t cap)
{
    size_t len = 0;
    while (len + 1 < cap) {
        ssize_t n = recv(fd, out + len, cap - 1 - len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    out[len] = '\0';
    return 0;
}

enum control_result control_ask(const char *request, int patience_s, char *answer, size_t cap)
{
    char line[ADMIN_LINE_MAX + 1], text[ADMIN_ANSWER_MAX];
    int len = snprintf(line, sizeof(line), "%s\n", request);
    if (len < 0 || (size_t)len >= sizeof(line))
        return CONTROL_BROKEN;
    int fd = reach(patience_s);
    if (fd < 0)
        return CONTROL_NOBODY;
    int rc = send(fd, line, (size_t)len, MSG_NOSIGNAL) == len ? read_answer(fd, text, sizeof(text)) : -1;
    close(fd);
    if (rc != 0 || text[0] == '\0')
        return CONTROL_SILENT;
    if (strncmp(text, "ok\n", 3) == 0) {
        snprintf(answer, cap, "%s", text + 3);
        return CONTROL_OK;
    }
    if (strncmp(text, "error ", 6) == 0) {
        text[strcspn(text, "\n")] = '\0';
        snprintf(answer, cap, "%s", text + 6);
        return CONTROL_REFUSED;
    }
    return CONTROL_BROKEN;
}

void control_explain(enum control_result result, const char *answer, const char *dir)
{
    switch (result) {
    case CONTROL_OK:
        return;
    case CONTROL_NOBODY:
        fprintf(stderr, "zaguan-relay: no relay is running in %s\n", dir);
        return;
    case CONTROL_REFUSED:
        fprintf(stderr, "zaguan-relay: the relay says: %s\n", answer);
        return;
    case CONTROL_SILENT:
        fputs("zaguan-relay: the relay gave no answer: it is stopping, or too many ask at once; try again\n",
              stderr);
        return;
    case CONTROL_BROKEN:
        fputs("zaguan-relay: the relay's answer is not understood; is it of the same version?\n", stderr);
        return;
    }
}
