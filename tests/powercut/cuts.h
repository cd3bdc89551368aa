/*
 * The power goes ten thousand times: one workload is recorded once, then cut at random events; on each image
 * that may be left of the disk the program under test is opened, and must hold what it had confirmed.
 */
#ifndef TESTS_POWERCUT_CUTS_H
#define TESTS_POWERCUT_CUTS_H

#include "tests/powercut/disk.h"

/* Faults that are built in on purpose. All but NONE must be found. */
enum plant {
    PLANT_NONE,
    PLANT_NO_SYNC,
    PLANT_NO_JOURNAL_SYNC,
    PLANT_NO_FOLDER_SYNC,
    PLANT_EARLY,    /* a step counts as done when it begins */
    PLANT_LATE_KEY, /* relay: a new key is not synced */
    PLANT_KEEP_KEY, /* relay: a key is not destroyed */
};

struct scenario {
    const char *name;
    /* Does the workload on a disk that is empty and is recorded, with a mark behind each step; steps count
     * from 1. */
    void (*record)(struct disk *d, enum plant plant, uint64_t seed);
    /*
     * Opens what is left, where at least `step` steps were done and the next one may have been. NULL: all is
     * as it must be; else what is wrong. thorough: also what takes long.
     */
    const char *(*check)(struct disk *left, uint64_t step, const struct rng *rng, bool thorough);
};

/* cuts [--cuts N] [--seed N] [--only N] [--plant WHAT]; the exit code. */
int cuts_main(const struct scenario *s, int argc, char **argv);

/* Says what is wrong with the test itself and ends it. */
__attribute__((format(printf, 1, 2))) _Noreturn void cuts_broken(const char *format, ...);

#endif
