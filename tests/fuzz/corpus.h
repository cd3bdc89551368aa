/* The parts of zg_corpus, which writes the first inputs of the fuzzers into a folder. */
#ifndef TESTS_FUZZ_CORPUS_H
#define TESTS_FUZZ_CORPUS_H

#include <stddef.h>
#include <stdint.h>

/* Writes <folder>/<name>/<number>; ends the program if it cannot. */
void corpus_save(const char *folder, const char *name, size_t number, const uint8_t *data, size_t len);

void corpus_sequences(const char *folder);

#endif
