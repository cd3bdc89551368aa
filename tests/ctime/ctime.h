/*
 * Constant time, as valgrind can see it: secrets are marked as bytes that were never written, and memcheck
 * then reports every branch and every address that depends on one. Instructions that take longer with some
 * numbers it does not see.
 *
 * Whatever comes from the system's generator is secret from ctime_run on. What others may see anyhow is
 * published where it comes about, by functions put around those of libsodium and of seal.h (wraps.c); nothing
 * of it is in the product.
 */
#ifndef TESTS_CTIME_H
#define TESTS_CTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A leak that is made on purpose, where secrets pass by anyhow: wraps.c. */
enum plant { PLANT_NONE, PLANT_COMPARE, PLANT_BRANCH, PLANT_INDEX };

extern enum plant plant;

void hide(void *at, size_t len);
void publish(const void *at, size_t len);
/* Ends the program if one of these bytes is not secret any more: then nothing was tested. */
void must_be_hidden(const void *at, size_t len, const char *what);
/* Ends the program if they differ; neither is published. */
void must_be_same(const void *a, const void *b, size_t len, const char *what);
/* Ends the program if it does not hold. */
void must_hold(bool holds, const char *what);

/* What of an opened plaintext its reader may branch on: called with it before the reader sees it. NULL:
 * nothing. */
extern void (*publish_form)(uint8_t *plain, size_t len);

/* main of each program: [--plant compare|branch|index]. The result is the process's. */
int ctime_run(int argc, char **argv, void (*subject)(void));

#endif
