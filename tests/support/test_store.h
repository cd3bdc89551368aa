/*
 * The store of a relay under test: jobs wait until the test has them carried out, in order, by an engine.
 * They can be made to fail.
 */
#ifndef TESTS_TEST_STORE_H
#define TESTS_TEST_STORE_H

#include "relay/core/store.h"

enum { TEST_STORE_KINDS = 16 };

struct test_store {
    struct store store;    /* what the relay is given */
    struct engine *engine; /* borrowed */
    struct store_job *first, **last;
    uint32_t waiting;
    /* What was carried out so far, by kind; failed jobs too. */
    uint32_t jobs[TEST_STORE_KINDS];
    uint32_t writes[TEST_STORE_KINDS];
    /* The next jobs of a kind fail. */
    uint32_t fail[TEST_STORE_KINDS];
    /* Every n-th job fails, whatever it is; 0: none. */
    uint32_t fail_every;
    uint32_t carried;
};

void test_store_init(struct test_store *ts, struct engine *engine);
/* Carries out one job and calls done; false: none is waiting. */
bool test_store_step(struct test_store *ts);
/* Until none is waiting. */
void test_store_run(struct test_store *ts);
/* Of all kinds. */
uint32_t test_store_jobs(const struct test_store *ts);

#endif
