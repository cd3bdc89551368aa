#include "relay/store/names.h"

#include <string.h>

size_t names_of_queue(const struct stored_names *names, struct named out[NAMES_OF_QUEUE_MAX])
{
    size_t n = 0;
    out[n++] = (struct named){ROLE_PUT, names->put};
    out[n++] = (struct named){ROLE_OWN, names->own};
    out[n++] = (struct named){ROLE_END, names->end};
    for (size_t i = 0; i < names->takes; i++)
        out[n++] = (struct named){ROLE_TAKE, names->take[i]};
    if (names->has_put2)
        out[n++] = (struct named){ROLE_PUT, names->put2};
    return n;
}

size_t names_of_slot(const struct stored_slot_names *names, struct named out[NAMES_OF_SLOT])
{
    out[0] = (struct named){ROLE_READ, names->read};
    out[1] = (struct named){ROLE_WRITE, names->write};
    out[2] = (struct named){ROLE_SLOT_OWN, names->own};
    return NAMES_OF_SLOT;
}

bool name_equal(const struct name *a, const struct name *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool names_hold(const struct named *list, size_t count, const struct name *name)
{
    for (size_t i = 0; i < count; i++)
        if (name_equal(&list[i].name, name))
            return true;
    return false;
}

bool names_differ(const struct named *list, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (names_hold(list, i, &list[i].name))
            return false;
    return true;
}

bool names_of_queue_equal(const struct stored_names *a, const struct stored_names *b)
{
    struct named x[NAMES_OF_QUEUE_MAX], y[NAMES_OF_QUEUE_MAX];
    size_t n = names_of_queue(a, x);
    if (n != names_of_queue(b, y))
        return false;
    for (size_t i = 0; i < n; i++)
        if (x[i].role != y[i].role || !name_equal(&x[i].name, &y[i].name))
            return false;
    return true;
}

bool role_of_slot(enum role role)
{
    return role == ROLE_READ || role == ROLE_WRITE || role == ROLE_SLOT_OWN;
}

enum voucher_kind voucher_for_queue(enum queue_kind kind)
{
    return kind == QUEUE_DESK ? VOUCHER_DESK : VOUCHER_CONVERSATION;
}

enum voucher_kind voucher_for_slot(uint8_t ttl)
{
    return ttl == WIRE_TTL_LASTING ? VOUCHER_LASTING_SLOT : VOUCHER_SLOT;
}
