#include "tests/bench/ledger.h"

#include <inttypes.h>
#include <stdio.h>

bool ledger_write(const char *path, const uint32_t *confirmed, uint32_t queues)
{
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return false;
    for (uint32_t i = 0; i < queues; i++)
        fprintf(f, "%" PRIu32 "\n", confirmed[i]);
    return fclose(f) == 0;
}

bool ledger_compare(const char *path, const uint32_t *found, uint32_t queues)
{
    uint64_t confirmed = 0, all = 0, lost = 0;
    uint32_t n = 0, i = 0;
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return false;
    for (; i < queues && fscanf(f, "%" SCNu32, &n) == 1; i++) {
        confirmed += n;
        all += found[i];
        lost += n > found[i] ? n - found[i] : 0;
    }
    bool whole = i == queues && fscanf(f, "%" SCNu32, &n) != 1;
    fclose(f);
    printf("confirmed_before=%" PRIu64 "\nfound=%" PRIu64 "\nlost=%" PRIu64 "\n", confirmed, all, lost);
    return whole;
}
