/* Whether two sets of times come from one distribution. */
#ifndef TESTS_DISTRIBUTION_H
#define TESTS_DISTRIBUTION_H

#include <stddef.h>

struct times {
    double *at;
    size_t count, room;
};

void times_add(struct times *t, double value);
void times_clear(struct times *t);

struct difference {
    double median[2];
    double distance; /* Kolmogorov-Smirnov: the largest one between the two distribution functions */
    double chance;   /* of one as large, if both are the same */
    double welch;    /* t of the means of what lies below the 95th percentile of both together */
};

/* Sorts both. Neither is empty. */
struct difference times_compare(struct times *a, struct times *b);

#endif
