/* What a file may be that is sent, and what of a JPEG goes before. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/cli/attachment.h"

#define SOI "\xff\xd8"
#define JFIF "\xff\xe0\x00\x07JFIF\x00"
#define EXIF "\xff\xe1\x00\x10" "Exif\x00\x00" "GPS HERE"
#define ADOBE "\xff\xee\x00\x0e" "Adobe\x00\x64\x00\x00\x00\x00\x01"
#define NO_ADOBE "\xff\xee\x00\x05xyz"
#define COMMENT "\xff\xfe\x00\x08secret"
#define TABLE "\xff\xdb\x00\x05" "abc"
#define TABLE_WITH_END "\xff\xc4\x00\x05\xff\xd9x"
#define SCAN "\xff\xda\x00\x04zz" "data\xff\x00more\xff\xd0rest\xff\xff"
#define EOI "\xff\xd9"
#define STRIPPED(from, to) assert_stripped(from, sizeof(from) - 1, to, sizeof(to) - 1)

static void assert_stripped(const char *from, size_t from_len, const char *to, size_t to_len)
{
    uint8_t *bytes = malloc(from_len);
    size_t len = from_len;
    assert_non_null(bytes);
    memcpy(bytes, from, from_len);
    assert_true(jpeg_strip(bytes, &len));
    assert_int_equal(len, to_len);
    assert_memory_equal(bytes, to, to_len);
    free(bytes);
}

static void what_is_not_needed_to_show_it_goes(void **state)
{
    (void)state;
    STRIPPED(SOI JFIF EXIF COMMENT TABLE ADOBE NO_ADOBE SCAN EOI, SOI TABLE ADOBE SCAN EOI);
    STRIPPED(SOI EXIF EXIF TABLE SCAN EOI "a film behind the picture", SOI TABLE SCAN EOI);
    /* Several scans, with tables and comments between them: an end inside a table is none. */
    STRIPPED(SOI TABLE SCAN TABLE_WITH_END COMMENT SCAN EOI, SOI TABLE SCAN TABLE_WITH_END SCAN EOI);
}

static void what_is_damaged_is_none(void **state)
{
    static const char whole[] = SOI JFIF EXIF TABLE SCAN EOI;
    uint8_t bytes[sizeof(whole)];
    (void)state;
    for (size_t n = 0; n < sizeof(whole) - 1; n++) {
        size_t len = n;
        /* A block of its own, so that reading beyond it is seen. */
        uint8_t *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, whole, n);
        assert_false(jpeg_strip(copy, &len));
        free(copy);
    }
    size_t len = sizeof(whole) - 1;
    memcpy(bytes, whole, len);
    bytes[4] = 0xff; /* a segment longer than the file */
    assert_false(jpeg_strip(bytes, &len));
    len = sizeof(whole) - 1;
    memcpy(bytes, whole, len);
    bytes[3] = 0xf0; /* a segment that nobody knows */
    assert_false(jpeg_strip(bytes, &len));
}

static void files_are_recognised_by_their_first_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        int kind;
    } files[] = {
        {SOI TABLE SCAN EOI, sizeof(SOI TABLE SCAN EOI) - 1, ZG_MESSAGE_JPEG},
        {"\x1a\x45\xdf\xa3...", 7, ZG_MESSAGE_VOICE_WEBM},
        {"\x00\x00\x00\x20" "ftypM4A ", 12, ZG_MESSAGE_VOICE_MP4},
        {"\x00\x00\x00\x18" "ftypheic", 12, 0},
        {"\x00\x00\x00\x18" "ftypmp42", 12, 0},
        {"\x89PNG\r\n", 6, 0},
        {"", 0, 0},
    };
    char path[] = "/tmp/zaguan-attachment-XXXXXX";
    struct attachment a;
    (void)state;
    int fd = mkstemp(path);
    assert_int_not_equal(fd, -1);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, files[i].bytes, files[i].len, 0), (ssize_t)files[i].len);
        const char *why = attachment_read(&a, path);
        assert_int_equal(why == NULL, files[i].kind != 0);
        assert_int_equal(a.kind, files[i].kind);
        attachment_clear(&a);
    }
    assert_int_equal(ftruncate(fd, ATTACHMENT_BYTES_MAX), 0);
    assert_non_null(strstr(attachment_read(&a, path), "too large"));
    close(fd);
    unlink(path);
    assert_non_null(attachment_read(&a, path));
}

static void a_saved_file_is_new_and_its_owners(void **state)
{
    char folder[] = "/tmp/zaguan-attachment-XXXXXX", path[64];
    struct stat st;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/picture.jpg", folder);
    umask(0);
    assert_null(attachment_save(path, (const uint8_t *)"abc", 3));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 3);
    assert_non_null(strstr(attachment_save(path, (const uint8_t *)"x", 1), "another"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3);
    unlink(path);
    assert_int_equal(symlink("/tmp/somewhere", path), 0);
    assert_non_null(attachment_save(path, (const uint8_t *)"x", 1));
    unlink(path);
    rmdir(folder);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_not_needed_to_show_it_goes),
    cmocka_unit_test(what_is_damaged_is_none),
    cmocka_unit_test(files_are_recognised_by_their_first_bytes),
    cmocka_unit_test(a_saved_file_is_new_and_its_owners),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
