#ifndef TESTS_CTIME_WRAPS_H
#define TESTS_CTIME_WRAPS_H

/* From now on randomness is secret. Not before: libsodium's own guards around its memory are random too. */
void wraps_hide_randomness(void);

#endif
