#define _GNU_SOURCE

#include "tests/powercut/cuts.h"

#include <getopt.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CUTS_DEFAULT = 10000, THOROUGH_EACH = 32 };

static const char *const plants[] = {
    [PLANT_NONE] = "none",
    [PLANT_NO_SYNC] = "no-sync",
    [PLANT_NO_JOURNAL_SYNC] = "no-journal-sync",
    [PLANT_NO_FOLDER_SYNC] = "no-folder-sync",
    [PLANT_EARLY] = "early",
    [PLANT_LATE_KEY] = "late-key",
    [PLANT_KEEP_KEY] = "keep-key",
};

struct options {
    uint32_t cuts;
    uint64_t seed, only;
    enum plant plant;
};

struct cut {
    size_t event;
    uint32_t number;
};

void cuts_broken(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "power cut: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    abort();
}

static int by_event(const void *a, const void *b)
{
    const struct cut *x = a, *y = b;
    if (x->event != y->event)
        return x->event < y->event ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Where it is cut, in the order of the tape. */
static struct cut *plan(const struct options *o, size_t events)
{
    struct rng_seed state;
    struct rng rng = rng_seeded(&state, o->seed);
    struct cut *cuts = calloc((size_t)o->cuts + 1, sizeof(*cuts));
    if (cuts == NULL)
        cuts_broken("out of memory");
    for (uint32_t i = 0; i < o->cuts; i++)
        cuts[i] = (struct cut){rng_below(&rng, (uint32_t)events + 1), i};
    qsort(cuts, o->cuts, sizeof(*cuts), by_event);
    return cuts;
}

/* One image, from randomness of its own: any cut can be played again alone. */
static const char *cut_once(const struct scenario *s, const struct player *p, struct disk *left,
                            uint64_t seed, uint32_t number)
{
    struct rng_seed state;
    struct rng rng = rng_seeded(&state, seed * 1000003 + number);
    player_cut(p, &rng, &left->folder);
    return s->check(left, p->step, &rng, number % THOROUGH_EACH == 0);
}

static int cut_all(const struct scenario *s, const struct options *o, const struct tape *tape)
{
    static struct disk left;
    struct player player;
    struct cut *cuts = plan(o, tape->count);
    const char *wrong = NULL;
    uint32_t done = 0;

    disk_vfs_register(&left, "left");
    player_init(&player, tape);
    for (; done < o->cuts && wrong == NULL; done++) {
        if (o->only != UINT64_MAX && o->only != cuts[done].number)
            continue;
        player_go(&player, cuts[done].event);
        wrong = cut_once(s, &player, &left, o->seed, cuts[done].number);
        if (wrong != NULL)
            printf("FAULT: %s, cut %u (seed %llu) before event %zu, after step %llu: %s\n", s->name,
                   cuts[done].number, (unsigned long long)o->seed, cuts[done].event,
                   (unsigned long long)player.step, wrong);
    }
    player_clear(&player);
    disk_clear(&left);
    free(cuts);
    return wrong != NULL;
}

/* --- options --- */

static _Noreturn void usage(void)
{
    fprintf(stderr, "[--cuts N] [--seed N] [--only CUT] [--plant");
    for (size_t i = 1; i < sizeof(plants) / sizeof(plants[0]); i++)
        fprintf(stderr, "%s%s", i == 1 ? " " : "|", plants[i]);
    fprintf(stderr, "]\n");
    exit(2);
}

static uint32_t number(const char *text)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || v >= UINT32_MAX)
        usage();
    return (uint32_t)v;
}

static enum plant plant_of(const char *text)
{
    for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++)
        if (strcmp(plants[i], text) == 0)
            return (enum plant)i;
    usage();
}

static void read_options(struct options *o, int argc, char **argv)
{
    static const struct option names[] = {
        {"cuts", required_argument, NULL, 'c'},
        {"seed", required_argument, NULL, 's'},
        {"plant", required_argument, NULL, 'p'},
        {"only", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'c')
            o->cuts = number(optarg);
        else if (c == 's')
            o->seed = number(optarg);
        else if (c == 'o')
            o->only = number(optarg);
        else if (c == 'p')
            o->plant = plant_of(optarg);
        else
            usage();
    }
    if (optind != argc)
        usage();
}

static enum disk_fault fault_of(enum plant plant)
{
    switch (plant) {
    case PLANT_NO_SYNC:
        return DISK_NO_SYNC;
    case PLANT_NO_JOURNAL_SYNC:
        return DISK_NO_JOURNAL_SYNC;
    case PLANT_NO_FOLDER_SYNC:
        return DISK_NO_FOLDER_SYNC;
    default:
        return DISK_SOUND;
    }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int cuts_main(const struct scenario *s, int argc, char **argv)
{
    static struct tape tape;
    static struct disk disk;
    struct options o = {CUTS_DEFAULT, (uint64_t)time(NULL) % 1000000, UINT64_MAX, PLANT_NONE};

    setvbuf(stdout, NULL, _IOLBF, 0);
    read_options(&o, argc, argv);
    if (sodium_init() < 0)
        cuts_broken("no randomness");
    double began = seconds();
    disk.tape = &tape;
    disk.fault = fault_of(o.plant);
    disk_vfs_register(&disk, "recorded");
    s->record(&disk, o.plant, o.seed);
    double recorded = seconds();
    int code = cut_all(s, &o, &tape);
    if (code == 0)
        printf("%s: ok: %u cuts of %zu events, seed %llu; recorded in %.1f s, cut in %.1f s\n", s->name,
               o.cuts, tape.count, (unsigned long long)o.seed, recorded - began, seconds() - recorded);
    disk_clear(&disk);
    tape_clear(&tape);
    return code;
}
