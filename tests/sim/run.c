/*
 * The simulation: people talk through a relay while everything around them breaks, from one seed.
 *
 *     zg_sim [--first SEED] [--seeds N] [--steps M] [--faults MASK] [--memory] [--trace] [--plant NAME]
 *
 * Invariants (invariants.h) are checked at each event and after each step; at the end, after the faults stop, everything
 * that was promised must have arrived, and when everybody has erased everything, nothing may be left.
 */
#include <getopt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/faults.h"
#include "tests/sim/invariants.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

struct task {
    struct world_options options;
    uint32_t steps;
    unsigned faults; /* 0: as the seed says */
};

static void step(struct people *p)
{
    const struct rng *rng = &p->world.rng;
    people_act(p);
    faults_act(p);
    uint32_t kind = rng_below(rng, 100);
    people_settle(p, kind == 0 ? rng_below(rng, 8 * HOUR) : rng_below(rng, kind < 20 ? 20 * SECOND : 300));
    invariants_check(p);
}

static void erase_everything(struct people *p)
{
    for (uint32_t i = 0; i < p->talk_count; i++) {
        people_erase(p, p->talks[i], false);
        people_erase(p, p->talks[i], true);
    }
    people_settle(p, HOUR);
}

static void finish(struct people *p)
{
    faults_stop(p);
    people_settle(p, 2 * HOUR);
    for (uint32_t i = 0; i < p->women_count; i++)
        if (people_talk_of(p, p->women[i]) != NULL)
            people_say(p, people_talk_of(p, p->women[i]), true);
    people_settle(p, HOUR);
    invariants_check(p);
    if (!p->world.mean)
        invariants_all_arrived(p);
    erase_everything(p);
    invariants_check(p);
    if (!p->failed && !p->world.mean)
        invariants_nothing_left(p);
}

static void report(const struct people *p)
{
    uint32_t said = 0, arrived = 0;
    for (uint32_t i = 0; i < p->talk_count; i++) {
        said += p->talks[i]->from_her.count + p->talks[i]->from_worker.count;
        arrived += p->talks[i]->from_her.arrived + p->talks[i]->from_worker.arrived;
    }
    printf("seed %llu: %s, faults 0x%x, %u talks, %u messages, %u arrived, %llu h simulated, trace ",
           (unsigned long long)p->world.options.seed, p->failed ? "BROKEN" : "good", p->kinds, p->talk_count, said,
           arrived, (unsigned long long)p->world.now.mono_ms / HOUR);
    for (size_t i = 0; i < 8; i++)
        printf("%02x", p->world.trace_hash[i]);
    printf("\n");
}

static bool run(const struct task *task, uint8_t hash[32])
{
    struct people *p = calloc(1, sizeof(*p));
    if (p == NULL)
        abort();
    people_open(p, &task->options);
    p->kinds = faults_of_seed(&p->world.rng, task->options.seed);
    if (task->faults != 0)
        p->kinds = task->faults;
    if (task->options.memory)
        p->kinds &= ~(unsigned)(FAULT_POWER | FAULT_FULL | FAULT_RESTORE);
    if ((p->kinds & FAULT_MEAN) != 0)
        faults_meet_enemy(p);
    for (uint32_t i = 0; i < task->steps && !p->failed; i++)
        step(p);
    if (!p->failed)
        finish(p);
    report(p);
    memcpy(hash, p->world.trace_hash, 32);
    bool good = !p->failed;
    people_close(p);
    free(p);
    return good;
}

static bool read_options(struct task *task, unsigned long *seeds, int argc, char **argv)
{
    static const struct option longs[] = {
        {"first", required_argument, NULL, 'f'}, {"seeds", required_argument, NULL, 'n'},
        {"steps", required_argument, NULL, 's'}, {"faults", required_argument, NULL, 'm'},
        {"trace", no_argument, NULL, 't'},       {"plant", required_argument, NULL, 'p'},
        {"memory", no_argument, NULL, 'y'},      {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 'f')
            task->options.seed = strtoul(optarg, NULL, 10);
        else if (c == 'n')
            *seeds = strtoul(optarg, NULL, 10);
        else if (c == 's')
            task->steps = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'm')
            task->faults = (unsigned)strtoul(optarg, NULL, 0);
        else if (c == 't')
            task->options.trace = stdout;
        else if (c == 'y')
            task->options.memory = true;
        else if (c != 'p' || !plant_by_name(optarg, &task->options.plant))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct task task = {.options = {.seed = 1, .plant = PLANT_NOTHING}, .steps = 1000};
    unsigned long seeds = 1, broken = 0;
    if (!read_options(&task, &seeds, argc, argv) || sodium_init() < 0)
        return 2;
    for (unsigned long i = 0; i < seeds; i++, task.options.seed++) {
        uint8_t once[32], again[32];
        if (!run(&task, once))
            broken++;
        /* The first seed twice: the same run, or the simulation is worth nothing. */
        if (i == 0 && (run(&task, again), memcmp(once, again, 32) != 0)) {
            fprintf(stderr, "seed %llu: two runs differ\n", (unsigned long long)task.options.seed);
            return 1;
        }
    }
    return broken == 0 ? 0 : 1;
}
