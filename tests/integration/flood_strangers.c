/*
 * Strangers, as a process of their own: knockers, each with a connection, who ask for a cookie and knock with
 * a solution that is wrong, again and again without a pause; and connections that come and go: at once, in
 * the middle of a handshake, with nonsense, after a handshake that was recorded (it costs them nothing and
 * the relay all of it), and slowly. Half of all come from one address each as of a botnet, half from the one
 * address from which a proxy or an onion service brings everybody. The cunning ones know that a connection is
 * worth nothing any more when its first solution was wrong, and come again.
 *
 * Goes on until its input ends, then says how much it did.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/labels.h"
#include "tests/integration/flood.h"

enum {
    NICE = 5, /* they have processors of their own elsewhere; here they share the relay's */
    SLOW_MS = 1000,
    BOTNET = 0x7f010000, /* 127.1.0.0 */
    SHARED = INADDR_LOOPBACK,
    COMERS_OF_ONE = 10, /* from one address */
    STARTS_A_TICK = 64,
    TICK_MS = 10,
    KNOCKS_AT_ONCE = 8, /* of one knocker; answers come with the tick */
    SLOW_OF = 16,       /* one of so many */
};

enum manner { SLOW, GOES, HALF, NONSENSE, BAD_HELLO, REPLAYED };

struct knocker {
    struct cable cable;          /* first */
    uint32_t number, seq, waits; /* for so many answers */
    bool asks, knocks;
    uint8_t effort;
    uint8_t cookie[WIRE_COOKIE_BYTES];
};

struct comer {
    uv_tcp_t tcp;
    uv_connect_t connecting;
    uv_write_t writing;
    uint32_t number;
    enum manner manner;
    bool closing, reads;
    size_t said;
    uint64_t said_ms;
};

static struct {
    uv_loop_t loop;
    struct yard *yard;
    uv_timer_t tick;
    uv_pipe_t input;
    struct sockaddr_in to;
    struct secret desk_put;
    uint8_t hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES],
        bad_hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES];
    uint32_t knocker_count, comer_count, knockers_started, comers_started;
    struct comer *comers;
    bool cunning;
    char byte[512];
    uint64_t hellos, cookies, knocked, accepted, busy, refused, full, connections, lost;
} s;

static struct sockaddr_in home_of(uint32_t number, uint32_t of_one)
{
    return address_of(number % 2 == 0 ? SHARED : BOTNET + 1 + number / of_one, 0);
}

/* --- knockers --- */

static bool say_knock(struct knocker *k, struct record_writer *r)
{
    uint8_t random[7][WIRE_SECRET_BYTES], envelope[WIRE_ENVELOPE_BYTES] = {0};
    randombytes_buf(random, sizeof(random));
    struct command c = {.op = OP_KNOCK, .seq = ++k->seq};
    c.u.knock.put = s.desk_put.b;
    c.u.knock.cookie = k->cookie;
    c.u.knock.solution = k->effort == 0 ? 0 : k->seq; /* wrong, as good as always */
    c.u.knock.names = (struct queue_names){
        .put = random[0], .take = {random[1]}, .takes = 1, .own = random[2], .end = random[3]};
    c.u.knock.slot_voucher = random[4];
    c.u.knock.handle = random[5];
    c.u.knock.envelope = envelope;
    return talk_command(r, &c);
}

static void knocker_fill(struct cable *cable, struct record_writer *r)
{
    struct knocker *k = (struct knocker *)cable;
    struct command c = {.op = OP_CHALLENGE, .seq = k->seq + 1};
    c.u.challenge.put = s.desk_put.b;
    if (k->knocks && say_knock(k, r)) {
        k->knocks = false;
        k->waits++;
        k->asks = true;
    }
    if (k->asks && k->waits < KNOCKS_AT_ONCE && talk_command(r, &c)) {
        k->seq++;
        k->asks = false;
    }
}

static void count_reply(enum status status)
{
    s.accepted += status == STATUS_OK;
    s.busy += status == STATUS_BUSY;
    s.refused += status == STATUS_REFUSED;
    s.full += status == STATUS_FULL;
}

static bool knocker_heard(struct cable *cable, struct span unit)
{
    struct knocker *k = (struct knocker *)cable;
    struct command c;
    if (command_decode(COMMAND_FROM_RELAY, unit.at, unit.len, &c) != ZG_OK)
        return false;
    if (c.op == OP_COOKIE) {
        s.cookies++;
        memcpy(k->cookie, c.u.cookie.cookie, sizeof(k->cookie));
        k->effort = c.u.cookie.effort;
        k->knocks = true;
    } else if (c.op == OP_REPLY) {
        s.knocked++;
        count_reply(c.u.reply.status);
        k->waits--;
        if (s.cunning && c.u.reply.status == STATUS_REFUSED) {
            cable_close(cable);
            return true;
        }
    }
    cable_mark(cable);
    return true;
}

static void knocker_open(struct cable *cable)
{
    struct knocker *k = (struct knocker *)cable;
    s.hellos++;
    k->asks = true;
    cable_mark(cable);
}

static void knocker_start(uint32_t number);

static void knocker_gone(struct cable *cable, const char *why)
{
    uint32_t number = ((struct knocker *)cable)->number;
    (void)why;
    s.lost++;
    free(cable);
    knocker_start(number);
}

static void knocker_closed(struct cable *cable)
{
    knocker_gone(cable, "by itself");
}

static const struct cable_events knocker_events = {.open = knocker_open,
                                                   .heard = knocker_heard,
                                                   .fill = knocker_fill,
                                                   .lost = knocker_gone,
                                                   .closed = knocker_closed};

static void knocker_start(uint32_t number)
{
    struct knocker *k = calloc(1, sizeof(*k));
    struct sockaddr_in from = home_of(number, 1);
    if (k == NULL)
        abort();
    k->number = number;
    if (cable_connect(&k->cable, s.yard, &knocker_events, (const struct sockaddr *)&s.to,
                      (const struct sockaddr *)&from) != 0)
        abort();
}

/* --- those who come and go --- */

static void comer_start(struct comer *c);

static void comer_closed(uv_handle_t *h)
{
    comer_start(h->data);
}

static void comer_go(struct comer *c)
{
    if (c->closing)
        return;
    c->closing = true;
    if (uv_tcp_close_reset(&c->tcp, comer_closed) != 0)
        uv_close((uv_handle_t *)&c->tcp, comer_closed);
}

static void lend(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)h, (void)suggested;
    *buf = uv_buf_init(s.byte, sizeof(s.byte));
}

static void comer_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    if (n != 0) /* the welcome, or the end */
        comer_go(stream->data);
}

static void comer_say(struct comer *c, const uint8_t *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
    if (uv_try_write((uv_stream_t *)&c->tcp, &buf, 1) != (int)len)
        comer_go(c);
    c->said += len;
    c->said_ms = uv_now(&s.loop);
}

static void comer_connected(uv_connect_t *request, int status)
{
    static const uint8_t nonsense[64] = "GET / HTTP/1.1\r\nHost: relay\r\n\r\n";
    struct comer *c = request->data;
    if (c->closing)
        return;
    if (status != 0) {
        comer_go(c);
        return;
    }
    s.connections++;
    uv_read_start((uv_stream_t *)&c->tcp, lend, comer_read);
    if (c->manner == GOES)
        comer_go(c);
    else if (c->manner == HALF || c->manner == SLOW)
        comer_say(c, s.hello, c->manner == HALF ? sizeof(s.hello) / 2 : 1);
    else if (c->manner == NONSENSE)
        comer_say(c, nonsense, sizeof(nonsense));
    else
        comer_say(c, c->manner == REPLAYED ? s.hello : s.bad_hello, sizeof(s.hello));
}

static void comer_start(struct comer *c)
{
    struct sockaddr_in from = home_of(c->number, COMERS_OF_ONE);
    memset(c, 0, offsetof(struct comer, number));
    c->manner =
        randombytes_uniform(SLOW_OF) == 0 ? SLOW : (enum manner)(GOES + randombytes_uniform(REPLAYED));
    c->closing = false;
    c->said = 0;
    c->said_ms = uv_now(&s.loop);
    if (uv_tcp_init(&s.loop, &c->tcp) != 0)
        abort();
    c->tcp.data = c->connecting.data = c;
    if (uv_tcp_bind(&c->tcp, (const struct sockaddr *)&from, 0) != 0 ||
        uv_tcp_connect(&c->connecting, &c->tcp, (const struct sockaddr *)&s.to, comer_connected) != 0)
        comer_go(c);
}

/* The half go after a while, the slow say a byte. */
static void comer_tick(struct comer *c, uint64_t now)
{
    if (c->closing || now - c->said_ms < SLOW_MS)
        return;
    if (c->manner == SLOW && c->said > 0 && c->said < sizeof(s.hello))
        comer_say(c, s.hello + c->said, 1);
    else if (c->manner == HALF)
        comer_go(c);
}

/* --- all of them --- */

static void on_tick(uv_timer_t *timer)
{
    uint64_t now = uv_now(timer->loop);
    for (uint32_t i = 0; i < STARTS_A_TICK && s.knockers_started < s.knocker_count; i++)
        knocker_start(s.knockers_started++);
    for (uint32_t i = 0; i < STARTS_A_TICK && s.comers_started < s.comer_count; i++) {
        s.comers[s.comers_started].number = s.comers_started;
        comer_start(&s.comers[s.comers_started++]);
    }
    for (uint32_t i = 0; i < s.comers_started; i++)
        comer_tick(&s.comers[i], now);
}

static void make_hellos(void)
{
    struct noise_handshake hs;
    struct rng rng = rng_system();
    uint8_t bytes[64];
    struct writer w;
    writer_init(&w, bytes, sizeof(bytes));
    writer_lp(&w, LABEL_PROLOGUE, sizeof(LABEL_PROLOGUE) - 1);
    writer_u8(&w, WIRE_VERSION);
    writer_u8(&w, WIRE_SUITE);
    noise_initiator_init(&hs, NOISE_NKHFS, bytes, w.len, s.yard->relay_pk);
    if (noise_write_message1(&hs, NULL, 0, s.hello + WIRE_RECORD_HEADER_BYTES, &rng) != ZG_OK)
        abort();
    noise_handshake_clear(&hs);
    s.hello[0] = WIRE_HELLO_BYTES >> 8;
    s.hello[1] = WIRE_HELLO_BYTES & 0xff;
    memcpy(s.bad_hello, s.hello, sizeof(s.hello));
    s.bad_hello[sizeof(s.hello) - 1] ^= 1;
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    (void)stream, (void)buf;
    if (n >= 0)
        return;
    printf("strangers: %llu connections, %llu handshakes, %llu cookies, %llu knocks (%llu accepted, %llu "
           "refused, %llu busy, %llu "
           "full), %llu lost\n",
           (unsigned long long)s.connections, (unsigned long long)s.hellos, (unsigned long long)s.cookies,
           (unsigned long long)s.knocked, (unsigned long long)s.accepted, (unsigned long long)s.refused,
           (unsigned long long)s.busy, (unsigned long long)s.full, (unsigned long long)s.lost);
    fflush(stdout);
    _exit(0);
}

static bool hex(uint8_t *out, size_t len, const char *text)
{
    size_t n;
    return sodium_hex2bin(out, len, text, strlen(text), NULL, &n, NULL) == 0 && n == len;
}

/* strangers PORT RELAY_PK DESK_PUT KNOCKERS COMERS behind|last|ranked plain|cunning */
int strangers_main(int argc, char **argv)
{
    s.yard = calloc(1, sizeof(*s.yard));
    if (argc != 8 || s.yard == NULL || !hex(s.yard->relay_pk, sizeof(s.yard->relay_pk), argv[2]) ||
        !hex(s.desk_put.b, sizeof(s.desk_put.b), argv[3]))
        return 2;
    s.to = address_of(INADDR_LOOPBACK, (uint16_t)atoi(argv[1]));
    s.knocker_count = (uint32_t)atoi(argv[4]);
    s.comer_count = (uint32_t)atoi(argv[5]);
    s.comers = calloc(s.comer_count + 1, sizeof(*s.comers));
    if (s.comers == NULL || setpriority(PRIO_PROCESS, 0, NICE) != 0)
        return 2;
    s.cunning = strcmp(argv[7], "cunning") == 0;
    if (strcmp(argv[6], "last") == 0)
        cores_come_last();
    else if (strcmp(argv[6], "ranked") == 0)
        cores_come_first(RANK_STRANGERS);
    uv_loop_init(&s.loop);
    yard_init(s.yard, &s.loop, CABLE_NOISE);
    make_hellos();
    uv_pipe_init(&s.loop, &s.input, 0);
    uv_pipe_open(&s.input, STDIN_FILENO);
    uv_read_start((uv_stream_t *)&s.input, lend, on_input);
    uv_timer_init(&s.loop, &s.tick);
    uv_timer_start(&s.tick, on_tick, 0, TICK_MS);
    return uv_run(&s.loop, UV_RUN_DEFAULT);
}
