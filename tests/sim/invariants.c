/* Invariants after each step, and at the end. */
#include "tests/sim/invariants.h"

#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, FORGET_MS = 10 * SECOND };

#define HOUR_MS (UINT64_C(3600) * SECOND)

/* --- what nobody promises any more --- */

/* Section 7.1: its first part came, the others were held up, and the reader's own limit took the first meanwhile. */
static bool may_be_torn(const struct said *s, uint64_t now_ms, const struct peer *a, const struct peer *b)
{
    bool held_up = a->calm_ms >= s->at_ms || b->calm_ms >= s->at_ms;
    return s->part_ms != 0 && held_up && now_ms >= s->at_ms + s->part_ms;
}

static bool may_be_lost(struct people *p, const struct talk *t, struct said *s)
{
    uint64_t now = p->world.now.mono_ms;
    uint64_t skew = p->skew_max_ms > p->relay_skew_max_ms ? p->skew_max_ms : p->relay_skew_max_ms;
    uint64_t relay = people_relay_ms(p), until = relay + s->class_ms;
    if (s->accepted_ms == 0 && until < s->relay_until)
        s->relay_until = until; /* it may have been stored, and nobody heard */
    if (may_be_torn(s, now + p->skew_max_ms, t->she, p->worker))
        return true;
    /* A relay's clock that was behind by less than a day and is put right: until then the sender counted too little, and now all at once. */
    uint64_t behind = p->relay_skew_max_ms < 24 * HOUR_MS ? p->relay_skew_max_ms : 24 * HOUR_MS;
    if (s->accepted_ms == 0 && now + p->skew_max_ms + behind >= s->sender_until)
        return true;
    if (s->accepted_ms != 0 && relay >= s->relay_until)
        return true;
    return s->from == ZG_AFTER_SENT && now + skew >= s->sent_until;
}

static void excuse_line(struct people *p, const struct talk *t, struct line *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        struct said *s = &l->said[i];
        bool over = !s->excused && may_be_lost(p, t, s);
        s->excused = s->excused || (over && !s->got);
    }
}

/* That a clock jumps by decades is believed only after a day. */
static void check_relay_hour(struct people *p)
{
    if (p->relay_wild_ms != 0 && p->world.now.mono_ms < p->relay_wild_ms + 23 * HOUR_MS &&
        people_relay_ms(p) > p->world.now.utc_ms + 1000 * HOUR_MS)
        people_fail(p, "the relay believed a clock that is decades ahead", NULL, 0);
}

static void excuse(struct people *p)
{
    for (uint32_t i = 0; i < p->talk_count; i++) {
        excuse_line(p, p->talks[i], &p->talks[i]->from_her);
        excuse_line(p, p->talks[i], &p->talks[i]->from_worker);
    }
}

static void lost_with_the_store(struct line *l, uint64_t copy_ms)
{
    for (uint32_t i = 0; i < l->count; i++) {
        struct said *s = &l->said[i];
        if (!s->got && s->accepted_ms > copy_ms)
            s->excused = true;
    }
}

/* Section 6: until she wrote something beside her knock, the relay may know the put of the knock only, and the worker the next. */
static bool had_written(const struct line *hers, uint64_t by_ms)
{
    for (uint32_t i = 1; i < hers->count; i++)
        if (hers->said[i].accepted_ms != 0 && hers->said[i].accepted_ms <= by_ms)
            return true;
    return false;
}

void invariants_stood_still(struct people *p, uint64_t ended_ms)
{
    /* That a knock was answered is written when the disk can. If the relay ends first and stands still for days, the two weeks of a knock that
       waited for long are over meanwhile. */
    if (p->world.now.mono_ms < ended_ms + 4 * 24 * HOUR_MS)
        return;
    for (uint32_t i = 0; i < p->talk_count; i++)
        if (p->talks[i]->open_ms + HOUR_MS > ended_ms)
            p->talks[i]->loose = true;
}

void invariants_put_back(struct people *p, uint64_t copy_ms)
{
    /* A queue that nobody had used by then ends two weeks after it was made, in the relay's eyes: it was used since. */
    bool old = p->world.now.mono_ms > copy_ms + 13 * 24 * HOUR_MS;
    p->restored = true;
    p->restored_ms = p->world.now.mono_ms;
    for (uint32_t i = 0; i < p->talk_count; i++) {
        struct talk *t = p->talks[i];
        lost_with_the_store(&t->from_her, copy_ms);
        lost_with_the_store(&t->from_worker, copy_ms);
        if (old || t->over || t->open_ms == 0 || t->open_ms + HOUR_MS > copy_ms || !had_written(&t->from_her, copy_ms))
            t->loose = true;
    }
}

/* With a clock that is wrong, nobody can count the time in which the program did not run. */
static void longer(struct line *l, bool sender, uint64_t ms)
{
    for (uint32_t i = 0; i < l->count; i++) {
        struct said *s = &l->said[i];
        *(sender ? &s->sender_until : &s->reader_until) += ms;
        s->unread_until += sender ? 0 : ms;
    }
}

static void uncounted(struct people *p, const struct peer *who, uint64_t ms)
{
    for (uint32_t i = 0; i < p->talk_count; i++) {
        struct talk *t = p->talks[i];
        if (who != p->worker && t->she != who)
            continue;
        longer(&t->from_her, who != p->worker, ms + 10 * MINUTE);
        longer(&t->from_worker, who == p->worker, ms + 10 * MINUTE);
    }
}

void invariants_away(struct people *p, struct peer *who, uint64_t ms)
{
    who->off_ms += ms;
    if (p->skew_max_ms != 0 || p->relay_clock_touched)
        uncounted(p, who, ms);
}

void invariants_clock_wrong(struct people *p)
{
    bool first = p->skew_max_ms == 0 && !p->relay_clock_touched;
    for (size_t i = 0; i < p->world.peer_count && first; i++)
        if (p->world.peers[i].off_ms != 0)
            uncounted(p, &p->world.peers[i], p->world.peers[i].off_ms);
}

/* --- what is shown --- */

static void check_text(struct people *p, const struct talk *t, const struct line *l, uint32_t number,
                       const zg_message *m)
{
    static char expected[TEXT_MAX];
    size_t len = people_compose(expected, sizeof(expected), l->who, t->number, number, m->text_len);
    if (len != m->text_len || memcmp(expected, m->text, len) != 0)
        people_fail(p, "a changed message is shown", t, number);
}

static void check_message(struct people *p, struct talk *t, const zg_message *m, uint32_t last[2])
{
    struct talk *in;
    struct line *l;
    uint32_t number;
    if (m->state == ZG_MESSAGE_EXPIRED_UNREAD && m->text_len == 0)
        return;
    struct said *s = people_find(p, m->text, &in, &l, &number);
    if (s == NULL || in != t) {
        people_fail(p, "a message is shown that nobody said", t, 0);
        return;
    }
    check_text(p, t, l, number, m);
    uint64_t until = m->own ? s->sender_until : s->reader_until;
    if (p->world.now.mono_ms > until + SECOND + p->skew_max_ms)
        people_fail(p, m->own ? "an own message is shown after its time" : "a message is shown after its time", t,
                    number);
    if (number <= last[m->own])
        people_fail(p, "a message is shown in the wrong place", t, number);
    last[m->own] = number;
}

static void check_conversation(struct people *p, struct peer *who, const zg_conversation *c)
{
    zg_message m;
    uint32_t last[2] = {0, 0};
    struct talk *t = people_talk_by_id(p, who, &c->id);
    if (t == NULL) {
        people_fail(p, "a conversation is shown that nobody began", NULL, 0);
        return;
    }
    enum erase erase = who == p->worker ? t->his_erase : t->her_erase;
    if (erase == ERASE_DONE)
        people_fail(p, "a conversation is back after it was erased", t, 0);
    for (size_t i = 0; zg_client_message_at(who->client, &c->id, i, &m) && !p->failed; i++) {
        if (erase != ERASE_NOT)
            people_fail(p, "a message is back after it was erased", t, (uint32_t)i);
        check_message(p, t, &m, last);
    }
}

/* Section 4.1: the journal is emptied at the latest 5 seconds after something was deleted. */
static void check_files(struct people *p)
{
    uint64_t now = p->world.now.mono_ms;
    /* On a disk without room the journal cannot be emptied; an erase is not confirmed either then. */
    bool broken = p->world.relay == NULL || p->world.disk_trouble || plate_is_full(disk_plate(p->world.disk));
    if (broken || now < p->world.store_calm_ms + 2 * FORGET_MS)
        return;
    const char *left = disk_leftover(p->world.disk, now - FORGET_MS);
    if (left == NULL)
        return;
    world_trace(&p->world, "left: %s", left);
    fprintf(stderr, "left: %s\n", left);
    people_fail(p, "something that was deleted is left in a file", NULL, 0);
}

void invariants_check(struct people *p)
{
    zg_conversation c;
    excuse(p);
    check_relay_hour(p);
    invariants_unread(p);
    if (p->checks++ % 16 == 0)
        check_files(p);
    for (size_t k = 0; k < p->world.peer_count; k++) {
        struct peer *who = &p->world.peers[k];
        for (size_t i = 0; who->ready && !p->failed && zg_client_conversation_at(who->client, i, &c); i++)
            check_conversation(p, who, &c);
    }
}

/* --- the end --- */

static void line_arrived(struct people *p, const struct talk *t, const struct line *l)
{
    for (uint32_t n = 1; n <= l->count && !p->failed; n++) {
        const struct said *s = &l->said[n - 1];
        if (!s->got && !s->excused && !s->unsaid)
            people_fail(p, l->who == 'h' ? "a message of hers was lost" : "a message of the worker was lost", t, n);
    }
}

void invariants_all_arrived(struct people *p)
{
    excuse(p);
    for (uint32_t i = 0; i < p->talk_count && !p->failed; i++) {
        const struct talk *t = p->talks[i];
        if (t->over || t->loose || people_knock_is_over(p, t))
            continue;
        line_arrived(p, t, &t->from_her);
        line_arrived(p, t, &t->from_worker);
    }
}

static void ignore(struct store_job *job)
{
    (void)job;
}

/* Three days, and connected for the last hour of them: who is connected for weeks takes long to simulate. */
static void worker_looks_in(struct people *p)
{
    zg_client_network(p->worker->client, false, peer_now(p->worker));
    peer_turn(p->worker);
    people_settle(p, 71 * HOUR_MS);
    zg_client_network(p->worker->client, true, peer_now(p->worker));
    peer_turn(p->worker);
    people_settle(p, HOUR_MS);
}

void invariants_nothing_left(struct people *p)
{
    struct store_job *job = calloc(1, sizeof(*job));
    zg_conversation c;
    if (job == NULL)
        abort();
    for (size_t k = 0; k < p->world.peer_count; k++)
        if (zg_client_conversation_at(p->world.peers[k].client, 0, &c))
            people_fail(p, "a conversation is left after everything was erased",
                        people_talk_by_id(p, &p->world.peers[k], &c.id), (uint32_t)c.state);
    if (p->restored) {
        free(job);
        return; /* queues of former times are nobody's now; they end when idle */
    }
    job->kind = JOB_COUNTS;
    job->done = ignore;
    disk_now(p->world.disk, job);
    if (job->result != ZG_OK || job->u.counts.messages != 0)
        people_fail(p, "messages are left in the store", NULL, (uint32_t)job->u.counts.messages);
    if (job->u.counts.queues != 1)
        people_fail(p, "queues are left in the store", NULL, (uint32_t)job->u.counts.queues);
    free(job);
    for (uint32_t i = 0; i < p->women_count; i++)
        peer_crash(p->women[i]);
    for (int i = 0; i < 15; i++)
        worker_looks_in(p);
    if (disk_keys(p->world.disk) != 0)
        people_fail(p, "epoch keys are left", NULL, (uint32_t)disk_keys(p->world.disk));
    check_files(p);
}
