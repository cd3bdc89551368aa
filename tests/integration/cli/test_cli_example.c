/* The example of docs/client-library.md: it is the file that is compiled, and it works against a real relay. */
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

static const char *zaguan, *relay, *example, *docs;

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

static void example_knocks_and_hears_the_answer(void **state)
{
    struct desk_world *w = calloc(1, sizeof(*w));
    struct process p;
    char input[1200], conversation[33];
    (void)state;
    assert_non_null(w);
    world_open(w, zaguan, relay);
    process_start(&p, (const char *const[]){example, NULL});
    snprintf(input, sizeof(input), "%s\n¿Hola?\n", w->card);
    assert_true(process_write(&p, input));
    find_knock(w, conversation);
    assert_int_equal(WORKER(w, "Aquí estamos.\n", "send", conversation), 0);
    assert_true(process_line(&p, w->line, sizeof(w->line), WAIT_MS));
    assert_string_equal(w->line, "Aquí estamos.");
    assert_int_equal(WORKER(w, "", "erase", conversation), 0);
    assert_int_equal(process_wait(&p, WAIT_MS), 0);
    world_close(w);
    free(w);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_shows_the_file),
        cmocka_unit_test(example_knocks_and_hears_the_answer),
    };
    if (argc != 5)
        return 1;
    zaguan = argv[1];
    relay = argv[2];
    example = argv[3];
    docs = argv[4];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
