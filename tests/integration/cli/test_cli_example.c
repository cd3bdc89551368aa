/* Examples of docs/client-library.md: it shows the file that is compiled, and each program works against a real relay. */
#define _GNU_SOURCE

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/cli/desk_world.h"

static const char *zaguan, *relay, *docs;
static char **examples; /* ends with NULL */

static char *read_all(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", docs, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = calloc(1, 64 * 1024);
    assert_non_null(text);
    assert_true(fread(text, 1, 64 * 1024 - 1, f) > 0);
    fclose(f);
    return text;
}

static void page_shows_the_file(void **state)
{
    static const char start[] = "<!-- docs/examples/poll_loop.c -->\n```c\n";
    char *page = read_all("client-library.md");
    char *code = read_all("examples/poll_loop.c");
    char *at = strstr(page, start);
    (void)state;
    assert_non_null(at);
    at += strlen(start);
    char *end = strstr(at, "\n```");
    assert_non_null(end);
    end[1] = '\0';
    assert_string_equal(at, code);
    free(page);
    free(code);
}

static void knocks_and_hears_the_answer(struct desk_world *w, const char *example)
{
    struct process her, worker;
    char input[1200], conversation[33];
    process_start(&her, (const char *const[]){example, NULL});
    snprintf(input, sizeof(input), "%s\n¿Hola?\n", w->card);
    assert_true(process_write(&her, input));
    find_knock(w, conversation);
    WORKER_START(w, &worker, "chat", conversation, "--json");
    assert_true(process_write(&worker, "Aquí estamos.\n"));
    assert_true(process_line(&her, w->line, sizeof(w->line), WAIT_MS));
    assert_string_equal(w->line, "Aquí estamos.");
    assert_true(process_write(&worker, "/erase\n"));
    assert_int_equal(process_wait(&worker, WAIT_MS), 0);
    assert_int_equal(process_wait(&her, WAIT_MS), 0);
}

static void examples_work(void **state)
{
    struct desk_world *w = calloc(1, sizeof(*w));
    (void)state;
    assert_non_null(w);
    world_open(w, zaguan, relay);
    for (char **example = examples; *example != NULL; example++) {
        printf("%s\n", *example);
        knocks_and_hears_the_answer(w, *example);
    }
    world_close(w);
    free(w);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_shows_the_file),
        cmocka_unit_test(examples_work),
    };
    if (argc < 5)
        return 1;
    zaguan = argv[1];
    relay = argv[2];
    docs = argv[3];
    examples = &argv[4];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
