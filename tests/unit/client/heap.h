/*
 * An allocator that fails when it is told to. Programs that use it are linked with heap.c and with --wrap for malloc,
 * calloc, realloc and sodium_malloc.
 */
#ifndef TESTS_HEAP_H
#define TESTS_HEAP_H

/* The allocation after n more fails, once; then all succeed again. */
void heap_fail_after(int n);
void heap_fail_never(void);

#endif
