#include "tests/integration/distribution.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void times_add(struct times *t, double value)
{
    if (t->count == t->room) {
        t->room = t->room == 0 ? 1024 : 2 * t->room;
        t->at = realloc(t->at, t->room * sizeof(*t->at));
        if (t->at == NULL) {
            fprintf(stderr, "no memory\n");
            abort();
        }
    }
    t->at[t->count++] = value;
}

void times_clear(struct times *t)
{
    free(t->at);
    *t = (struct times){0};
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void sort(struct times *t)
{
    qsort(t->at, t->count, sizeof(*t->at), by_value);
}

static double largest_distance(const struct times *a, const struct times *b)
{
    double largest = 0;
    size_t i = 0, j = 0;
    while (i < a->count && j < b->count) {
        double at = a->at[i] < b->at[j] ? a->at[i] : b->at[j];
        while (i < a->count && a->at[i] <= at)
            i++;
        while (j < b->count && b->at[j] <= at)
            j++;
        double distance = fabs((double)i / (double)a->count - (double)j / (double)b->count);
        largest = distance > largest ? distance : largest;
    }
    return largest;
}

/* Kolmogorov's distribution, with Stephens' correction for sets that are not large. */
static double chance_of(double distance, size_t n, size_t m)
{
    double root = sqrt((double)n * (double)m / (double)(n + m));
    double x = (root + 0.12 + 0.11 / root) * distance;
    double sum = 0;
    if (x < 0.2)
        return 1;
    for (int k = 1; k <= 100; k++)
        sum += (k % 2 == 1 ? 2 : -2) * exp(-2.0 * k * k * x * x);
    return sum < 0 ? 0 : sum > 1 ? 1 : sum;
}

struct moments {
    double count, mean, variance;
};

static struct moments moments_below(const struct times *t, double end)
{
    struct moments m = {0};
    double squares = 0;
    for (size_t i = 0; i < t->count && t->at[i] < end; i++) {
        double off = t->at[i] - m.mean;
        m.count++;
        m.mean += off / m.count;
        squares += off * (t->at[i] - m.mean);
    }
    m.variance = m.count > 1 ? squares / (m.count - 1) : 0;
    return m;
}

static double percentile(const struct times *t, double part)
{
    return t->at[(size_t)(part * (double)(t->count - 1))];
}

static double welch_of(const struct times *a, const struct times *b)
{
    double end = fmax(percentile(a, 0.95), percentile(b, 0.95));
    struct moments x = moments_below(a, end), y = moments_below(b, end);
    double error = sqrt(x.variance / fmax(x.count, 1) + y.variance / fmax(y.count, 1));
    return error > 0 ? (x.mean - y.mean) / error : 0;
}

struct difference times_compare(struct times *a, struct times *b)
{
    sort(a);
    sort(b);
    struct difference d = {.median = {percentile(a, 0.5), percentile(b, 0.5)}};
    d.distance = largest_distance(a, b);
    d.chance = chance_of(d.distance, a->count, b->count);
    d.welch = welch_of(a, b);
    return d;
}
