#include "tests/powercut/ledger.h"

#include <string.h>

#include "tests/powercut/cuts.h"

enum { WEEK_HOURS = 7 * 24 };

static const uint64_t never = UINT64_MAX;

bool spell_covers(const struct spell *s, uint64_t step)
{
    return s->born <= step && step < s->gone;
}

/* --- bytes --- */

/* Tag, number, and what makes sixteen bytes of it that look like no others. */
static void stamp(uint8_t out[16], const char *tag, uint32_t number, uint32_t place)
{
    uint32_t mixed = (number + 1) * 2654435761u + (place + 1) * 40503u;
    memcpy(out, tag, LEDGER_TAG_BYTES);
    memcpy(out + 4, &number, sizeof(number));
    memcpy(out + 8, &place, sizeof(place));
    memcpy(out + 12, &mixed, sizeof(mixed));
}

bool ledger_is_stamp(const uint8_t *at, size_t len, uint32_t *number)
{
    uint8_t whole[16];
    uint32_t place;
    if (len < sizeof(whole) || at[1] != LEDGER_NAME_TAG[1])
        return false;
    memcpy(number, at + 4, sizeof(*number));
    memcpy(&place, at + 8, sizeof(place));
    stamp(whole, (const char *)at, *number, place);
    return memcmp(whole, at, sizeof(whole)) == 0;
}

struct name ledger_name_bytes(uint32_t number)
{
    struct name name;
    stamp(name.b, LEDGER_NAME_TAG, number, 0);
    return name;
}

struct handle ledger_handle(uint32_t number)
{
    struct handle handle;
    stamp(handle.b, LEDGER_HANDLE_TAG, number, 0);
    return handle;
}

void ledger_envelope(uint32_t number, uint8_t out[WIRE_ENVELOPE_BYTES])
{
    for (uint32_t i = 0; i < WIRE_ENVELOPE_BYTES / 16; i++)
        stamp(out + (size_t)i * 16, LEDGER_TEXT_TAG, number, i);
}

void ledger_value_bytes(uint32_t number, uint32_t size, uint8_t out[LEDGER_VALUE_MAX])
{
    for (uint32_t i = 0; i < size; i++)
        out[i] = (uint8_t)(number * 31 + i);
}

struct stored_names ledger_queue_names(uint32_t first)
{
    return (struct stored_names){
        .put = ledger_name_bytes(first),
        .own = ledger_name_bytes(first + 1),
        .end = ledger_name_bytes(first + 2),
        .take = {ledger_name_bytes(first + 3)},
        .takes = 1,
    };
}

struct stored_slot_names ledger_slot_names(uint32_t first)
{
    return (struct stored_slot_names){
        .read = ledger_name_bytes(first),
        .write = ledger_name_bytes(first + 1),
        .own = ledger_name_bytes(first + 2),
    };
}

/* --- what comes --- */

static uint32_t next(uint32_t *count, uint32_t max)
{
    if (*count == max)
        cuts_broken("the ledger is full");
    return (*count)++;
}

static struct spell from_now(const struct ledger *l)
{
    return (struct spell){l->step, never};
}

uint32_t ledger_add_name(struct ledger *l, enum role role, uint32_t owner)
{
    uint32_t n = next(&l->name_count, LEDGER_NAMES_MAX);
    l->names[n] = (struct ledger_name){.spell = from_now(l), .role = role, .owner = owner};
    return n;
}

uint32_t ledger_add_queue_names(struct ledger *l, uint32_t queue)
{
    uint32_t first = ledger_add_name(l, ROLE_PUT, queue);
    ledger_add_name(l, ROLE_OWN, queue);
    ledger_add_name(l, ROLE_END, queue);
    ledger_add_name(l, ROLE_TAKE, queue);
    return first;
}

uint32_t ledger_add_queue(struct ledger *l, uint64_t id, enum queue_kind kind, uint32_t ends)
{
    uint32_t n = next(&l->queue_count, LEDGER_QUEUES_MAX);
    l->queues[n] = (struct ledger_queue){.spell = from_now(l), .id = id, .kind = kind, .ends = ends};
    l->queues[n].names = ledger_add_queue_names(l, n);
    return n;
}

uint32_t ledger_add_message(struct ledger *l, uint32_t queue, uint32_t hour, bool marked)
{
    uint32_t n = next(&l->message_count, LEDGER_MESSAGES_MAX);
    l->messages[n] = (struct ledger_message){.spell = from_now(l),
                                             .queue = queue,
                                             .seq = l->queues[queue].next_seq++,
                                             .hour = hour,
                                             .marked = marked};
    return n;
}

uint32_t ledger_add_slot(struct ledger *l, uint64_t id, uint8_t ttl)
{
    uint32_t n = next(&l->slot_count, LEDGER_SLOTS_MAX);
    uint32_t names = ledger_add_name(l, ROLE_READ, n);
    ledger_add_name(l, ROLE_WRITE, n);
    ledger_add_name(l, ROLE_SLOT_OWN, n);
    l->slots[n] = (struct ledger_slot){.spell = from_now(l), .id = id, .names = names, .ttl = ttl};
    return n;
}

uint32_t ledger_add_value(struct ledger *l, uint32_t slot, uint32_t size, uint32_t hour)
{
    uint64_t version = 0;
    for (uint32_t i = 0; i < l->value_count; i++)
        if (l->values[i].slot == slot && l->values[i].spell.gone == never) {
            version = l->values[i].version + 1;
            l->values[i].spell.gone = l->step;
        }
    uint32_t n = next(&l->value_count, LEDGER_VALUES_MAX);
    l->values[n] = (struct ledger_value){
        .spell = from_now(l), .slot = slot, .size = size, .hour = hour, .version = version};
    return n;
}

/* --- what goes --- */

static void end(const struct ledger *l, struct spell *s)
{
    if (s->gone == never)
        s->gone = l->step;
}

void ledger_drop_names(struct ledger *l, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        end(l, &l->names[i].spell);
}

void ledger_drop_queue(struct ledger *l, uint32_t queue)
{
    end(l, &l->queues[queue].spell);
    ledger_drop_names(l, l->queues[queue].names, 4);
    for (uint32_t i = 0; i < l->message_count; i++)
        if (l->messages[i].queue == queue)
            end(l, &l->messages[i].spell);
}

void ledger_drop_slot(struct ledger *l, uint32_t slot)
{
    end(l, &l->slots[slot].spell);
    ledger_drop_names(l, l->slots[slot].names, 3);
    for (uint32_t i = 0; i < l->value_count; i++)
        if (l->values[i].slot == slot)
            end(l, &l->values[i].spell);
}

void ledger_expire(struct ledger *l)
{
    for (uint32_t i = 0; i < l->message_count; i++) {
        struct ledger_message *m = &l->messages[i];
        m->expired = m->expired || (m->spell.gone == never && m->hour <= l->hour);
        if (m->hour <= l->hour)
            end(l, &m->spell);
    }
    for (uint32_t i = 0; i < l->name_count; i++)
        if (l->names[i].role == ROLE_VOUCHER && l->names[i].hour <= l->hour)
            end(l, &l->names[i].spell);
    for (uint32_t i = 0; i < l->value_count; i++)
        if (l->values[i].spell.gone == never && l->values[i].hour <= l->hour)
            ledger_drop_slot(l, l->values[i].slot);
    for (uint32_t i = 0; i < l->queue_count; i++)
        if (l->queues[i].spell.gone == never && l->queues[i].ends <= l->hour / WEEK_HOURS)
            ledger_drop_queue(l, i);
}

/* --- what must be there --- */

bool ledger_has_queue(const struct ledger *l, uint32_t queue, uint64_t step, uint32_t hour)
{
    const struct ledger_queue *q = &l->queues[queue];
    return spell_covers(&q->spell, step) && q->ends > hour / WEEK_HOURS;
}

bool ledger_has_message(const struct ledger *l, uint32_t message, uint64_t step, uint32_t hour)
{
    const struct ledger_message *m = &l->messages[message];
    return spell_covers(&m->spell, step) && m->hour > hour && ledger_has_queue(l, m->queue, step, hour);
}

bool ledger_has_voucher(const struct ledger *l, uint32_t name, uint64_t step, uint32_t hour)
{
    const struct ledger_name *n = &l->names[name];
    return n->role == ROLE_VOUCHER && spell_covers(&n->spell, step) && n->hour > hour;
}
