/* Somebody who keeps nothing on the device and has a return phrase; where the tests of lockers start. */
#ifndef TESTS_KEPT_H
#define TESTS_KEPT_H

#include "client/core/locker.h"
#include "tests/unit/client/scene.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

#define DAY (24 * (uint64_t)HOUR)

extern struct scene scene;
extern const uint8_t secret[ZG_LOCKER_SECRET_BYTES];

/* An open conversation of hers, in memory. */
void open_visit(void);
/* It gets a locker; until the relay has it. */
void keep(void);
/* Both. */
void open_kept(void);
void ask_return(struct person *p, const uint8_t *with);
/* Her, on another device; scene.her is that one from now on. */
struct person *come_back(void);
void fail_to_come_back(struct person *p, const uint8_t *with, zg_err err);
bool has_text(const struct person *p, const char *text);
/* Until this is the last that p heard. */
void hears(struct person *p, const char *text);
/* What a relay can do, which knows the write secret and not the key: these bytes under the next version. */
void relay_writes(const uint8_t *value, size_t len);

#endif
