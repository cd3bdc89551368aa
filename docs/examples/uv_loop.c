/* The same as poll_loop.c with libuv: the driver waits, connects and sends; the program looks at events. */
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <zaguan/uv.h>

struct program {
    zg_client *client;
    zg_uv *net;
    char card[2048], text[1024];
    bool over;
};

static void knock(struct program *p)
{
    zg_id conversation;
    p->over = zg_client_knock(p->client, p->card, strlen(p->card), p->text, strcspn(p->text, "\n"), NULL,
                              &conversation, zg_uv_now(p->net)) != ZG_OK;
}

static void show(struct program *p, const zg_event *e)
{
    zg_message m;
    if (zg_client_message(p->client, &e->conversation, &e->message, &m) != ZG_OK)
        return; /* it is gone already */
    printf("%.*s\n", (int)m.text_len, m.text); /* for a terminal, take control characters out */
    p->over = fflush(stdout) != 0 ||
              zg_client_read(p->client, &e->conversation, &e->message, zg_uv_now(p->net)) != ZG_OK;
}

/* There are events. The driver calls this from the loop; the first time it is called by main. */
static void look(void *ctx)
{
    struct program *p = ctx;
    if (p->over)
        return; /* closing already */
    for (zg_event e; !p->over && zg_client_event(p->client, &e);) {
        if (e.kind == ZG_EVENT_READY)
            knock(p);
        else if (e.kind == ZG_EVENT_MESSAGE)
            show(p, &e);
        else if (e.kind == ZG_EVENT_KNOCK_FAILED || e.kind == ZG_EVENT_ENDED)
            p->over = true;
    }
    if (p->over)
        zg_uv_close(p->net, NULL); /* nothing of it stays in the loop, so uv_run returns */
    else
        zg_uv_kick(p->net); /* the client may want to send now */
}

int main(void)
{
    static struct program p;
    const zg_client_options memory = {.size = sizeof(memory)}; /* no vault: everything stays in memory */
    const zg_uv_options driver = {.size = sizeof(driver), .wake = look, .ctx = &p};
    uv_loop_t *loop = uv_default_loop();

    if (!fgets(p.card, sizeof(p.card), stdin) || !fgets(p.text, sizeof(p.text), stdin) ||
        zg_client_new(&p.client, &memory, zg_uv_now(NULL)) != ZG_OK ||
        zg_uv_open(&p.net, loop, p.client, &driver) != ZG_OK)
        return 1;
    look(&p);
    uv_run(loop, UV_RUN_DEFAULT);
    zg_client_free(p.client);
    return uv_loop_close(loop) != 0;
}
