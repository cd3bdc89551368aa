/* The small parts: map, outbox, keys, quotas, buckets, limits. */
#include "tests/unit/relay_core/scene.h"

#include "relay/core/bucket.h"
#include "relay/core/key_slab.h"
#include "relay/core/list.h"
#include "relay/core/map.h"
#include "relay/core/outbox.h"
#include "relay/core/quota.h"

struct item {
    struct map_node node;
    uint32_t key;
};

static struct item *find(const struct map *m, uint32_t key)
{
    for (struct map_node *n = map_first(m, map_hash(m, &key, sizeof(key))); n != NULL; n = map_next(n))
        if (LIST_ITEM(n, struct item, node)->key == key)
            return LIST_ITEM(n, struct item, node);
    return NULL;
}

static void a_map_finds_what_is_in_it_and_nothing_else(void **state)
{
    enum { COUNT = 5000 };
    static struct item items[COUNT];
    struct map m;
    const struct rng rng = rng_system();
    (void)state;
    assert_int_equal(map_init(&m, &rng), ZG_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        items[i].key = i;
        /* The same hash for some: keys decide. */
        map_insert(&m, &items[i].node, map_hash(&m, &i, sizeof(i)));
    }
    for (uint32_t i = 0; i < COUNT; i += 2)
        map_remove(&m, &items[i].node);
    assert_int_equal(m.count, COUNT / 2);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_ptr_equal(find(&m, i), i % 2 == 1 ? &items[i] : NULL);
    map_clear(&m);
}

static void nodes_with_one_hash_are_all_found(void **state)
{
    struct item items[3];
    struct map m;
    const struct rng rng = rng_system();
    int count = 0;
    (void)state;
    assert_int_equal(map_init(&m, &rng), ZG_OK);
    for (uint32_t i = 0; i < 3; i++)
        map_insert(&m, &items[i].node, 77);
    map_insert(&m, &(struct item){0}.node, 77 + 64); /* the same bucket */
    for (struct map_node *n = map_first(&m, 77); n != NULL; n = map_next(n))
        count++;
    assert_int_equal(count, 3);
    map_clear(&m);
}

static void an_outbox_keeps_order_and_frees_what_it_owns(void **state)
{
    struct outbox o = {0};
    (void)state;
    assert_null(outbox_head(&o));
    for (uint32_t round = 0; round < 5; round++) {
        uint32_t numbers[40];
        for (uint32_t i = 0; i < 40; i++) {
            const struct out out = {.op = OP_REPLY, .seq = i};
            assert_true(outbox_push(&o, &out, &numbers[i]));
        }
        outbox_take_back(&o, numbers[0]);
        outbox_take_back(&o, numbers[20]);
        outbox_take_back(&o, numbers[39]);
        for (uint32_t i = 1; i < 39; i++) {
            if (i == 20)
                continue;
            assert_int_equal(outbox_head(&o)->seq, i);
            outbox_pop(&o);
            outbox_take_back(&o, numbers[i]); /* it has left */
        }
        assert_null(outbox_head(&o));
        assert_null(o.ring);
    }
    struct out owning = {.op = OP_SLOT_VALUE};
    owning.u.reading = calloc(1, sizeof(*owning.u.reading));
    assert_true(outbox_push(&o, &owning, NULL));
    owning.op = OP_COOKIE;
    owning.u.cookie = calloc(1, sizeof(*owning.u.cookie));
    assert_true(outbox_push(&o, &owning, NULL));
    outbox_clear(&o);
    assert_null(o.ring);
}

static void keys_are_wiped_and_used_again(void **state)
{
    enum { COUNT = 1000 };
    static struct session_keys *keys[COUNT];
    static const struct session_keys zero;
    struct key_slab slab;
    (void)state;
    key_slab_init(&slab);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            keys[i] = key_slab_take(&slab);
            assert_non_null(keys[i]);
            assert_memory_equal(keys[i], &zero, sizeof(zero));
            memset(keys[i], i + 1, sizeof(*keys[i]));
        }
        for (int i = 0; i < COUNT; i++) {
            assert_int_equal(keys[i]->out.k[31], (uint8_t)(i + 1)); /* nobody else's */
            key_slab_give(&slab, keys[i]);
            assert_memory_equal(&keys[i]->in.k[8], zero.in.k, 24); /* but for the free list */
            assert_memory_equal(&keys[i]->out, &zero.out, sizeof(zero.out));
        }
    }
    key_slab_give(&slab, NULL);
    key_slab_clear(&slab);
}

static void a_quota_is_for_one_queue_one_kind_and_one_day(void **state)
{
    struct quota q, other;
    const struct rng rng = rng_system();
    (void)state;
    assert_int_equal(quota_init(&q, &rng, 3), ZG_OK);
    assert_int_equal(quota_take(&q, QUOTA_SENDS, 1, 3, 5, 240), ZG_OK);
    assert_int_equal(quota_take(&q, QUOTA_SENDS, 1, 3, 5, 240), ZG_ERR_FULL);
    assert_int_equal(quota_take(&q, QUOTA_SENDS, 1, 2, 5, 263), ZG_OK);
    assert_int_equal(quota_take(&q, QUOTA_SENDS, 1, 1, 5, 263), ZG_ERR_FULL);
    assert_int_equal(quota_take(&q, QUOTA_DRAWS, 1, 5, 5, 263), ZG_OK);
    /* Ids of queues and slots may be the same. */
    assert_int_equal(quota_init(&other, &rng, 9), ZG_OK);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_int_equal(quota_take(&other, QUOTA_SENDS, id, 1, 1, 263), ZG_OK);
        assert_int_equal(quota_take(&other, QUOTA_DRAWS, id, 1, 1, 263), ZG_OK);
        assert_int_equal(quota_take(&other, QUOTA_WRITES, id, 1, 1, 263), ZG_OK);
    }
    quota_clear(&other);
    assert_int_equal(quota_take(&q, QUOTA_SENDS, 2, 6, 5, 263), ZG_ERR_FULL);
    assert_int_equal(quota_take(&q, QUOTA_SENDS, 3, 1, 5, 263), ZG_ERR_BUSY);
    assert_int_equal(quota_take(&q, QUOTA_SENDS, 1, 5, 5, 264), ZG_OK);
    assert_int_equal(quota_take(&q, QUOTA_SENDS, 3, 1, 5, 264), ZG_OK);
    quota_give_back(&q, QUOTA_SENDS, 1, 2);
    assert_int_equal(quota_take(&q, QUOTA_SENDS, 1, 3, 5, 264), ZG_ERR_FULL);
    assert_int_equal(quota_take(&q, QUOTA_SENDS, 1, 2, 5, 264), ZG_OK);
    quota_give_back(&q, QUOTA_SENDS, 2, 1);
    quota_give_back(&q, QUOTA_SENDS, 3, 2);
    assert_int_equal(quota_take(&q, QUOTA_SENDS, 3, 6, 5, 264), ZG_ERR_FULL);
    quota_clear(&q);
}

static void effort_rises_with_rate_and_room_and_is_nothing_when_calm(void **state)
{
    struct limits l = limits_default();
    (void)state;
    l.waiting_of_desk = 1000;
    l.calm_knocks_a_minute = 10;
    assert_int_equal(limits_effort(&l, 0, 0), 0);
    assert_int_equal(limits_effort(&l, 249, 9), 0);
    assert_int_equal(limits_effort(&l, 250, 9), 6);
    assert_int_equal(limits_effort(&l, 249, 10), 6);
    assert_int_equal(limits_effort(&l, 0, 20), 7);
    assert_int_equal(limits_effort(&l, 0, 79), 8);
    assert_int_equal(limits_effort(&l, 625, 0), 9);
    assert_int_equal(limits_effort(&l, 999, 0), 11);
    assert_int_equal(limits_effort(&l, 1000, 0), 12);
    assert_int_equal(limits_effort(&l, 0, UINT32_MAX), 12);
    assert_int_equal(limits_effort(&l, UINT32_MAX, 0), 12);
    l.waiting_of_desk = 1;
    assert_int_equal(limits_effort(&l, 0, 0), 0);
    l.waiting_of_desk = 0;
    l.calm_knocks_a_minute = 0;
    assert_int_equal(limits_effort(&l, 0, 0), 12);
}

static void a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
    const struct rate rate = {.a_second = 4, .burst = 3};
    struct bucket b;
    uint64_t now = 1000, given = 0;
    (void)state;
    bucket_init(&b);
    assert_true(bucket_full(&b, rate, now));
    for (int i = 0; i < 3; i++)
        assert_true(bucket_take(&b, rate, now));
    assert_false(bucket_take(&b, rate, now));
    assert_int_equal(bucket_when(&b, rate, now), now + 250);
    assert_false(bucket_has(&b, rate, now + 249));
    assert_true(bucket_has(&b, rate, now + 250));
    /* Looking at it often costs nothing. */
    for (; now < 1000 + 10000; now++)
        given += bucket_take(&b, rate, now);
    assert_int_equal(given, 39);
    assert_false(bucket_full(&b, rate, now + 499));
    assert_true(bucket_full(&b, rate, now + 500));
    /* No more than the burst, however long nobody came. */
    now += UINT64_C(1) << 60;
    assert_int_equal(bucket_when(&b, rate, now), now);
    for (given = 0; bucket_take(&b, rate, now);)
        given++;
    assert_int_equal(given, 3);
}

/* Also when time begins with it, or stands still. */
static void a_bucket_is_full_at_first(void **state)
{
    const struct rate rate = {.a_second = UINT32_MAX, .burst = UINT32_MAX};
    struct bucket b;
    (void)state;
    bucket_init(&b);
    assert_true(bucket_full(&b, rate, 0));
    assert_true(bucket_take(&b, rate, 0));
    assert_false(bucket_full(&b, rate, 0));
    assert_true(bucket_full(&b, rate, 1));
}

static void an_envelope_lives_as_long_as_somebody_has_it(void **state)
{
    uint8_t bytes[WIRE_ENVELOPE_BYTES] = {1, 2, 3};
    (void)state;
    struct envelope *e = envelope_new(bytes);
    assert_non_null(e);
    assert_ptr_equal(envelope_ref(e), e);
    envelope_unref(e);
    assert_memory_equal(e->bytes, bytes, sizeof(bytes));
    envelope_unref(e);
    envelope_unref(NULL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_map_finds_what_is_in_it_and_nothing_else),
    cmocka_unit_test(nodes_with_one_hash_are_all_found),
    cmocka_unit_test(an_outbox_keeps_order_and_frees_what_it_owns),
    cmocka_unit_test(keys_are_wiped_and_used_again),
    cmocka_unit_test(a_quota_is_for_one_queue_one_kind_and_one_day),
    cmocka_unit_test(a_bucket_gives_its_burst_and_then_its_rate),
    cmocka_unit_test(a_bucket_is_full_at_first),
    cmocka_unit_test(effort_rises_with_rate_and_room_and_is_nothing_when_calm),
    cmocka_unit_test(an_envelope_lives_as_long_as_somebody_has_it),
};

RUN_TESTS
