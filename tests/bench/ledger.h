/* What a server confirmed before it was killed, against what is there when it was started again: a number for each queue. */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

bool ledger_write(const char *path, const uint32_t *confirmed, uint32_t queues);
/*
 * Prints confirmed_before, found, lost (confirmed and not found). A queue may have more than was confirmed: what was stored when the
 * answer could no longer go out. false: the file cannot be read, or is one of other queues.
 */
bool ledger_compare(const char *path, const uint32_t *found, uint32_t queues);

#endif
