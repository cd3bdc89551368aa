/*
 * A command of every kind, at the edges of its fields, beside what docs/protocol.md section 1.1 says stands
 * in it. Unit tests, vectors and the corpus of the fuzzer come from here.
 */
#ifndef TESTS_SUPPORT_SAMPLES_H
#define TESTS_SUPPORT_SAMPLES_H

#include <stddef.h>

#include "proto/command.h"

struct sample {
    enum command_side side;
    /*
     * The array in words, written by hand from the tables: integers in decimal, bins as <bytes>*<hex of
     * each byte>, arrays in brackets.
     */
    const char *fields;
    struct command command;
};

/* The same word so many times, as it stands inside an array. */
#define WORDS4(w) w " " w " " w " " w
#define WORDS16(w) WORDS4(w) " " WORDS4(w) " " WORDS4(w) " " WORDS4(w)
#define WORDS64(w) WORDS16(w) " " WORDS16(w) " " WORDS16(w) " " WORDS16(w)

const struct sample *samples(size_t *count);

#endif
