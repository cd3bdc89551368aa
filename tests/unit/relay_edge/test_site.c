/* The files of a page: which are taken, which make it say no, and what a path finds. */
#define _GNU_SOURCE
#include "relay/edge/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/process.h"
#include "tests/unit/client/heap.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    folder_make(folder, sizeof(folder));
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static const char *inside(const char *name)
{
    static char path[400];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(inside(name), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct site *opened(void)
{
    struct site *site = NULL;
    char why[300] = "";
    if (site_open(&site, folder, why, sizeof(why)) != ZG_OK)
        fail_msg("%s", why);
    return site;
}

static void refused(const char *reason)
{
    struct site *site = NULL;
    char why[300] = "";
    assert_int_not_equal(site_open(&site, folder, why, sizeof(why)), ZG_OK);
    assert_null(site);
    if (strstr(why, reason) == NULL)
        fail_msg("not \"%s\" but \"%s\"", reason, why);
}

static const struct site_file *find(const struct site *site, const char *path)
{
    return site_find(site, (struct span){(const uint8_t *)path, strlen(path)});
}

static void check_span(struct span s, const char *text)
{
    assert_non_null(s.at);
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.at, text, s.len);
}

static void files_are_found_by_their_paths(void **state)
{
    (void)state;
    assert_int_equal(mkdir(inside("es"), 0700), 0);
    put("index.html", "<p>");
    put("es/index.html", "<p>es");
    put("empty.css", "");
    put("a.js", "plain");
    put("a.js.br", "brotli");
    put("a.js.gz", "gzip");
    put(".hidden", "x");
    struct site *site = opened();
    check_span(find(site, "/")->plain, "<p>");
    check_span(find(site, "/index.html")->plain, "<p>");
    assert_string_equal(find(site, "/index.html")->type, "text/html; charset=utf-8");
    check_span(find(site, "/es/")->plain, "<p>es");
    check_span(find(site, "/empty.css")->plain, "");
    check_span(find(site, "/a.js")->plain, "plain");
    check_span(find(site, "/a.js")->brotli, "brotli");
    check_span(find(site, "/a.js")->gzip, "gzip");
    assert_null(find(site, "/index.html")->gzip.at);
    assert_string_equal(find(site, "/a.js")->type, "text/javascript; charset=utf-8");
    static const char *const none[] = {"",         "/es",          "//",   "/a.js.br",
                                       "/.hidden", "/es/../a.js",  "a.js", "/index.html/",
                                       "/A.JS",    "/es/index.htm"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        if (find(site, none[i]) != NULL)
            fail_msg("found: %s", none[i]);
    assert_null(site_find(site, (struct span){(const uint8_t *)"/a.js\0/", 7}));
    char longest[SITE_PATH_MAX + 40];
    memset(longest, '/', sizeof(longest));
    for (size_t len = 0; len < sizeof(longest); len++)
        (void)site_find(site, (struct span){(const uint8_t *)longest, len});
    site_close(site);
}

static void what_cannot_be_served_is_told(void **state)
{
    (void)state;
    refused("is empty");
    put("a b.html", "x");
    refused("\"a b.html\" cannot be served");
    unlink(inside("a b.html"));
    put("a.js.gz", "x");
    refused("/a.js is there in fewer bytes only");
    unlink(inside("a.js.gz"));
    put("a.js", "x");
    site_close(opened());
    assert_int_equal(symlink("/etc/passwd", inside("b.txt")), 0);
    refused("/b.txt: Too many levels of symbolic links");
    unlink(inside("b.txt"));
    assert_int_equal(mkfifo(inside("c.txt"), 0600), 0);
    refused("/c.txt is no file");
    unlink(inside("c.txt"));
    put("d.txt", "");
    assert_int_equal(truncate(inside("d.txt"), SITE_BYTES_MAX), 0);
    refused("more than");
    assert_int_equal(truncate(inside("d.txt"), SITE_BYTES_MAX - 1), 0);
    site_close(opened());
}

static void there_is_an_end_of_files_and_folders(void **state)
{
    char name[300] = "";
    (void)state;
    for (int i = 0; i < SITE_FILES_MAX; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        put(name, "");
    }
    site_close(opened());
    put("one-more", "");
    refused("more than 256 files");
    unlink(inside("one-more"));
    snprintf(name, sizeof(name), "d");
    for (int i = 0; i < SITE_DEPTH_MAX; i++) {
        assert_int_equal(mkdir(inside(name), 0700), 0);
        snprintf(name + strlen(name), sizeof(name) - strlen(name), "/d");
    }
    refused("folders in too many folders");
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    struct site *site = NULL;
    char why[300];
    (void)state;
    assert_int_equal(site_open(&site, inside("nowhere"), why, sizeof(why)), ZG_ERR_STORAGE);
    assert_non_null(strstr(why, "nowhere: No such file or directory"));
    site_close(NULL);
}

static void without_memory_there_is_no_page(void **state)
{
    struct site *site = NULL;
    char why[300];
    zg_err err;
    int n = 0;
    (void)state;
    put("a.js", "plain");
    put("b.js", "plain");
    do {
        heap_fail_after(n);
        err = site_open(&site, folder, why, sizeof(why));
        heap_fail_never();
        assert_true(err == ZG_OK || (err == ZG_ERR_MEMORY && strcmp(why, "out of memory") == 0));
    } while (err != ZG_OK && ++n < 20);
    assert_in_range(n, 3, 19); /* the site and each file */
    site_close(site);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_found_by_their_paths),
        TEST(what_cannot_be_served_is_told),
        TEST(there_is_an_end_of_files_and_folders),
        TEST(a_folder_that_is_not_there_is_told),
        TEST(without_memory_there_is_no_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
