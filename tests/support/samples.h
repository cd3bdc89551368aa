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

const struct sample *samples(size_t *count);

#endif
