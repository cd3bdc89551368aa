/* What the processes of a flood share that know nothing of its conversations. */
#ifndef TESTS_FLOOD_SIDE_H
#define TESTS_FLOOD_SIDE_H

enum { RANK_STRANGERS = 1 };

/* --- flood_cores.c --- */

/* Seconds of all threads of a process, since its start. */
struct share {
    double ran_s, waited_s; /* waited: for a core, ready to run */
};

/* This process, and what it starts from now on. */
void cores_keep_to(int core);
/* It runs before all of this machine that have no rank or a lower one. */
void cores_come_first(int rank);
/* It runs when nobody else wants to. */
void cores_come_last(void);
struct share cores_share(int pid);

/* --- flood_honest.c --- */

enum { HONEST_MAX = 64, HONEST_EVERY_MS = 1500 };

int honest_main(int argc, char **argv);

/* --- flood.c --- */

__attribute__((format(printf, 1, 2))) _Noreturn void fault(const char *format, ...);

#endif
