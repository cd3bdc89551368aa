/* Tells systemd that the relay is ready (Type=notify). In two steps, as the sandbox comes between them. */
#ifndef RELAY_EDGE_NOTIFY_H
#define RELAY_EDGE_NOTIFY_H

/* A socket to whoever waits for it; -1: nobody does (NOTIFY_SOCKET is not set), or nobody listens. */
int notify_open(void);
/* Says it and closes the socket; -1 is fine. */
void notify_ready(int fd);

#endif
