#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <zaguan/uv.h>

#include "client/cli/organisation_file.h"
#include "client/cli/text.h"

static const char help[] =
    "zaguan organisation create --file FILE\n"
    "zaguan organisation export --file FILE --words | --to COPY\n"
    "zaguan organisation restore --file FILE [--from COPY]\n"
    "\n"
    "create    makes the keys of a new organisation and keeps them in FILE under a passphrase. Who has both "
    "can name\n"
    "          workers; a copy belongs somewhere safe, off this device.\n"
    "export    --words shows the root key as 34 words, to be written on paper. Whoever reads them has the\n"
    "          organisation: no passphrase protects them. --to copies FILE, still under its passphrase.\n"
    "restore   makes FILE from the words, which are asked for or read from standard input, under a new\n"
    "          passphrase; or from a copy. The organisation is the same: its desks can be renewed and its "
    "cards stay\n"
    "          valid.\n"
    "\n"
    "  --file FILE           create and restore: must not exist\n"
    "  --lang en|es|fr       of the words; restore finds it by itself\n"
    "  --passphrase-fd N     the passphrase is the next line of descriptor N, instead of being asked for; "
    "for restore\n"
    "                        it is read after the words\n";

enum { TYPED_CAP = 4096, WORDS_IN_LINE = 4, COLUMN = 15 };

struct organisation_call {
    const struct common *common;
    const char *file;
    const char *to;
    const char *from;
    bool words;
};

static int refuse_existing(const char *path)
{
    if (access(path, F_OK) != 0)
        return DONE;
    return complain(FAILED, "%s exists already; it was not touched", path);
}

/* --- create --- */

static int write_new(const struct organisation_call *c, const zg_organisation *o)
{
    struct secret_line passphrase;
    int code = prompt_passphrase(&passphrase, c->common->passphrase_fd, PASSPHRASE_NEW, "the organisation");
    if (code != DONE)
        return code;
    zg_err err = organisation_file_create(c->file, o, &passphrase);
    secret_line_clear(&passphrase);
    return err == ZG_OK ? DONE : complain_err(err, c->file);
}

static int create(const struct organisation_call *c)
{
    zg_organisation *o = NULL;
    int code = refuse_existing(c->file);
    if (code != DONE)
        return code;
    zg_err err = zg_organisation_new(&o, zg_uv_now(NULL));
    if (err != ZG_OK)
        return complain_err(err, c->file);
    code = write_new(c, o);
    zg_organisation_free(o);
    if (code == DONE)
        say("the organisation's keys are in %s; keep a copy in a safe place: `zaguan organisation export'",
            c->file);
    return code;
}

/* --- export --- */

static int show_words(const zg_organisation *o, const char *language)
{
    const char *words[ZG_ORGANISATION_WORDS];
    struct text out = TEXT_INIT;
    zg_organisation_words(o, language, words);
    for (int i = 0; i < ZG_ORGANISATION_WORDS; i++) {
        bool last = i + 1 == ZG_ORGANISATION_WORDS || (i + 1) % WORDS_IN_LINE == 0;
        text_format(&out, "%2d %-*s", i + 1, last ? 0 : COLUMN - 3, words[i]);
        text_add(&out, last ? "\n" : "");
    }
    bool shown = text_flush(&out, STDOUT_FILENO);
    text_clear(&out);
    sodium_memzero(words, sizeof(words));
    return shown ? DONE : FAILED;
}

static int export_words(const struct organisation_call *c)
{
    zg_organisation *o = NULL;
    int code = organisation_file_load(&o, c->file, c->common->passphrase_fd);
    if (code != DONE)
        return code;
    code = show_words(o, c->common->language);
    zg_organisation_free(o);
    if (code == DONE)
        say("these words are the organisation: write them down by hand, store them locked away, and clear "
            "this screen");
    return code;
}

static int copy(const struct organisation_call *c, const char *from, const char *to)
{
    struct secret_line passphrase;
    if (access(from, F_OK) != 0)
        return complain(NOT_THERE, "%s: %s", from, strerror(errno));
    int code = refuse_existing(to);
    if (code == DONE)
        code =
            prompt_passphrase(&passphrase, c->common->passphrase_fd, PASSPHRASE_EXISTING, "the organisation");
    if (code != DONE)
        return code;
    zg_err err = organisation_file_copy(from, to, &passphrase);
    secret_line_clear(&passphrase);
    if (err != ZG_OK)
        return complain_err(err, err == ZG_ERR_STORAGE ? to : from);
    say("%s is a copy of %s and opens with the same passphrase", to, from);
    return DONE;
}

static int export_one(const struct organisation_call *c)
{
    if (c->words == (c->to != NULL))
        return complain(USAGE, "export takes --words for paper, or --to COPY for a file");
    return c->words ? export_words(c) : copy(c, c->file, c->to);
}

/* --- restore --- */

/* What the person has typed so far, in guarded memory. */
struct typed {
    char *at;
    size_t len;
};

static int add_line(struct typed *t, size_t understood)
{
    struct secret_line line;
    char question[64];
    snprintf(question, sizeof(question), "%zu of %d words; the next: ", understood, ZG_ORGANISATION_WORDS);
    int code = prompt_line(&line, question, true);
    if (code != DONE)
        return understood == 0
                   ? code
                   : complain(code, "only %zu of %d words were given", understood, ZG_ORGANISATION_WORDS);
    if (t->len + line.len + 1 > TYPED_CAP)
        code = complain(FAILED, "that is too much text for %d words", ZG_ORGANISATION_WORDS);
    if (code == DONE) {
        memcpy(t->at + t->len, line.at, line.len);
        t->len += line.len;
        t->at[t->len++] = '\n';
    }
    secret_line_clear(&line);
    return code;
}

static int explain(zg_err err, size_t wrong)
{
    switch (err) {
    case ZG_ERR_NOT_FOUND:
        return complain(NOT_ACCEPTED, "word %zu is not in the list; look at it again", wrong);
    case ZG_ERR_TOO_LARGE:
        return complain(NOT_ACCEPTED, "these are more than %d words; look for one that stands twice",
                        ZG_ORGANISATION_WORDS);
    case ZG_ERR_MALFORMED:
        if (wrong > 0)
            say("if only one word is wrong, it is word %zu", wrong);
        return complain(NOT_ACCEPTED,
                        "some word is wrong, or two changed places; compare each with the paper");
    default:
        return complain_err(err, "the words");
    }
}

/* A line with a word that is in no list is taken back and asked for again, if there is somebody to ask. */
static int read_words(zg_organisation **out, struct typed *t)
{
    size_t understood = 0;
    for (;;) {
        size_t before = t->len;
        size_t at = 0;
        int code = add_line(t, understood);
        if (code != DONE)
            return code;
        zg_err err = zg_organisation_restore(out, t->at, t->len, &at, zg_uv_now(NULL));
        if (err == ZG_OK)
            return DONE;
        if (err == ZG_ERR_TRUNCATED) {
            understood = at;
            continue;
        }
        code = explain(err, at);
        if (err != ZG_ERR_NOT_FOUND || !isatty(STDIN_FILENO))
            return code;
        t->len = before;
    }
}

static int restore_from_words(const struct organisation_call *c)
{
    zg_organisation *o = NULL;
    struct typed t = {.at = sodium_malloc(TYPED_CAP)};
    if (t.at == NULL)
        return complain(FAILED, "out of memory");
    int code = read_words(&o, &t);
    sodium_free(t.at); /* wipes */
    if (code != DONE)
        return code;
    code = write_new(c, o);
    zg_organisation_free(o);
    if (code == DONE)
        say("the organisation's keys are in %s again; its desks are renewed with `zaguan desk renew'",
            c->file);
    return code;
}

static int restore(const struct organisation_call *c)
{
    if (c->from != NULL)
        return copy(c, c->from, c->file);
    int code = refuse_existing(c->file);
    return code == DONE ? restore_from_words(c) : code;
}

/* --- options --- */

enum { OPT_FILE = OPTION_OWN, OPT_WORDS, OPT_TO, OPT_FROM };

static const struct option own_options[] = {
    {"file", required_argument, NULL, OPT_FILE},
    {"words", no_argument, NULL, OPT_WORDS},
    {"to", required_argument, NULL, OPT_TO},
    {"from", required_argument, NULL, OPT_FROM},
    {NULL, 0, NULL, 0},
};

static void take(struct organisation_call *o, int option)
{
    if (option == OPT_WORDS)
        o->words = true;
    else
        *(option == OPT_FILE ? &o->file : option == OPT_TO ? &o->to : &o->from) = optarg;
}

int cmd_organisation(struct call *c)
{
    static const struct {
        const char *name;
        int (*run)(const struct organisation_call *o);
    } verbs[] = {{"create", create}, {"export", export_one}, {"restore", restore}};
    struct organisation_call o = {.common = &c->common};
    int code;
    int option;
    c->help = help;
    while ((option = options_next(c, own_options, &code)) != OPTION_END) {
        if (option == OPTION_STOP)
            return code;
        take(&o, option);
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && optind + 1 == c->argc; i++)
        if (strcmp(c->argv[optind], verbs[i].name) == 0)
            return o.file != NULL ? verbs[i].run(&o) : complain(USAGE, "--file FILE is missing");
    return complain(USAGE, "an organisation can be created, exported and restored: create, export, restore");
}
