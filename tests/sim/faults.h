/* What breaks, and when. Each seed has a choice of kinds, so that rare ones meet alone and together. */
#ifndef TESTS_SIM_FAULTS_H
#define TESTS_SIM_FAULTS_H

#include "tests/sim/people.h"

enum fault {
    FAULT_BREAK = 1,          /* connections */
    FAULT_KILL = 2,           /* the relay ends, as by kill -9 */
    FAULT_POWER = 4,          /* and its disk's power with it, between any two writes */
    FAULT_DISK = 8,           /* jobs fail for a while */
    FAULT_FULL = 16,          /* the disk is full for a while */
    FAULT_CRASH = 32,         /* clients end at any moment */
    FAULT_VAULT = 64,         /* vaults fail for a while */
    FAULT_AWAY = 128,         /* somebody is away for days */
    FAULT_RELAY_CLOCK = 256,  /* the relay's clock jumps: hours, days, to 2099, and back */
    FAULT_CLIENT_CLOCK = 512, /* a client's */
    FAULT_RESTORE = 1024,     /* the store is put back to what it was */
    FAULTS_ALL = 2047,
    FAULT_MEAN = 2048,        /* the relay is an enemy: what it says is false now and then, all the time */
};

unsigned faults_of_seed(const struct rng *rng, uint64_t seed);
/* From now on the relay is one that lies, as long as the simulation runs. */
void faults_meet_enemy(struct people *p);
/* Perhaps something breaks, or works again. */
void faults_act(struct people *p);
/* Everything works, and runs, from here on. */
void faults_stop(struct people *p);

#endif
