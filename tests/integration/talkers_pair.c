/* How they meet: the worker makes a desk, the participant knocks, the first answer opens the conversation. */
#define _GNU_SOURCE

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/talkers.h"

static struct {
    struct relay_process *relay;
    void (*report)(void);
} on_fault;

uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

void fault_prepare(struct relay_process *relay, void (*report)(void))
{
    on_fault.relay = relay;
    on_fault.report = report;
}

void fault(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("FAULT: ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    if (on_fault.report != NULL)
        on_fault.report();
    if (on_fault.relay != NULL) {
        if (on_fault.relay->process.pid != 0)
            relay_hear(on_fault.relay, true);
        relay_tear_down(on_fault.relay);
    }
    exit(1);
}

static void make_desk(struct pair *p)
{
    char voucher[128];
    zg_organisation *organisation = NULL;
    zg_now now = zg_uv_now(p->worker.driver);
    relay_voucher(p->relay, voucher, sizeof(voucher));
    const zg_desk_options options = {
        .size = sizeof(options), .relay = p->relay->address, .voucher = voucher, .alias = "Ana"};
    zg_err err = zg_organisation_new(&organisation, now);
    if (err == ZG_OK)
        err = zg_client_desk_create(p->worker.client, organisation, &options, now);
    zg_organisation_free(organisation);
    if (err != ZG_OK)
        fault("no desk: %s", zg_err_name(err));
    talker_kick(&p->worker);
}

static void knock(struct pair *p)
{
    char card[1024];
    struct talker *she = &p->participant;
    zg_err err = zg_client_card(p->worker.client, "zaguan:", card, sizeof(card));
    if (err == ZG_OK)
        err = zg_client_knock(she->client, card, strlen(card), TALK_KNOCK, strlen(TALK_KNOCK), NULL,
                              &she->conversation, zg_uv_now(she->driver));
    if (err != ZG_OK)
        fault("no knock: %s", zg_err_name(err));
    talker_kick(she);
}

void pair_open(struct pair *p, uv_loop_t *loop, struct relay_process *relay, zg_vault *worker_vault,
               uint32_t messages)
{
    memset(p, 0, sizeof(*p));
    p->relay = relay;
    p->worker.name = "worker";
    p->worker.letter = 'W';
    p->participant.name = "participant";
    p->participant.letter = 'P';
    talker_open(&p->worker, loop, worker_vault, &p->participant, messages / 2);
    talker_open(&p->participant, loop, NULL, &p->worker, messages - messages / 2);
}

enum meeting pair_meet(struct pair *p)
{
    if (p->meeting == MEET_START && p->worker.ready && p->participant.ready) {
        make_desk(p);
        p->meeting = MEET_DESK;
    } else if (p->meeting == MEET_DESK && p->worker.desk_ready) {
        knock(p);
        p->meeting = MEET_KNOCK;
    } else if (p->meeting == MEET_KNOCK && p->worker.knocked && p->participant.knocked) {
        talker_say(&p->worker, 1); /* the first answer accepts */
        talker_kick(&p->worker);
        p->meeting = MEET_ANSWER;
    } else if (p->meeting == MEET_ANSWER && p->participant.open) {
        p->meeting = MEET_TALK;
    }
    return p->meeting;
}

void pair_print(const struct pair *p)
{
    const struct talker *sides[] = {&p->worker, &p->participant};
    for (size_t i = 0; i < 2; i++)
        printf("  %-12s said %u, kept %u, arrived %u; connected %u times, %u broken, %u put off; now %s%s\n",
               sides[i]->name, sides[i]->says.sent, sides[i]->says.kept, sides[i]->says.received,
               sides[i]->connects, sides[i]->disconnects, sides[i]->retries,
               sides[i]->connected ? "connected" : "not connected", sides[i]->away ? ", away" : "");
}

void pair_close(struct pair *p)
{
    talker_close(&p->worker);
    talker_close(&p->participant);
}
