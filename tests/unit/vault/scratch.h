/* A folder that goes away with its test, and what it takes to look at every byte in it. */
#ifndef TESTS_VAULT_SCRATCH_H
#define TESTS_VAULT_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

struct scratch {
    char folder[64];
    char path[96]; /* of a vault in it */
};

int scratch_setup(void **state);
int scratch_teardown(void **state);

/* Whether the bytes stand in any file of the folder. */
bool scratch_contains(const struct scratch *s, const void *bytes, size_t len);
/* How many files there are. */
size_t scratch_files(const struct scratch *s);

/* The whole file; the caller frees. */
unsigned char *file_read(const char *path, size_t *len);
void file_write(const char *path, const void *data, size_t len);

#endif
