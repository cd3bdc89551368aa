/* Conversations between two ends of the program through a real relay. One relay and desk for all tests. */
#define _GNU_SOURCE

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/cli/desk_world.h"

static struct desk_world *world; /* main opens it */

/* Ends both sides of a conversation, so that the next test finds an empty desk. */
static void erase_both(struct process *her, struct process *worker)
{
    assert_true(process_write(her, "/erase\n"));
    assert_true(await(world, her, "\"event\":\"erased\"", ""));
    assert_int_equal(process_wait(her, 10000), 0);
    assert_true(await(world, worker, "\"event\":\"ended\"", ""));
    assert_true(process_write(worker, "/erase\n"));
    assert_true(await(world, worker, "\"event\":\"erased\"", ""));
    assert_int_equal(process_wait(worker, 10000), 0);
}

static void words_arrive_exactly_and_safety_words_agree(void **state)
{
    static const char first[] = "¿Hay alguien? \\\" ñandú 你好 🙂 //x";
    struct process her, worker;
    char conversation[33];
    (void)state;

    participant_knock(world, &her, first);
    find_knock(world, conversation);
    WORKER_START(world, &worker, "chat", conversation, "--json");
    assert_true(await(world, &worker, "\"event\":\"message\"", "¿Hay alguien? \\\\\\\" ñandú 你好 🙂 //x\""));
    assert_true(process_write(&worker, "//slash\n"));
    assert_true(await(world, &her, "\"event\":\"accepted\"", "\"alias\":\"Ana\""));
    assert_true(await(world, &her, "\"event\":\"message\"", "\"text\":\"/slash\""));
    assert_true(process_write(&her, "sí\n"));
    assert_true(await(world, &worker, "\"event\":\"message\"", "\"text\":\"sí\""));

    char hers[128];
    assert_true(process_write(&her, "/words\n"));
    assert_true(await(world, &her, "\"event\":\"safety\"", "\"words\":["));
    snprintf(hers, sizeof(hers), "%s", strstr(world->line, "\"words\":["));
    assert_true(process_write(&worker, "/words\n"));
    assert_true(await(world, &worker, "\"event\":\"safety\"", "\"words\":["));
    assert_string_equal(strstr(world->line, "\"words\":["), hers);
    assert_true(process_write(&her, "/compared\n/words\n"));
    assert_true(await(world, &her, "\"event\":\"safety\"", "\"safety\":\"compared\""));
    erase_both(&her, &worker);
    assert_int_equal(WORKER(world, "", "inbox", "--json"), 0);
    assert_string_equal(world->line, "");
}

static void notice_is_read_and_changed(void **state)
{
    struct process her;
    char conversation[33];
    (void)state;
    assert_int_equal(WORKER(world, "", "desk", "notice", "--state", "away", "mañana a las diez"), 0);
    participant_start(world, &her, "hola");
    assert_true(await(world, &her, "\"event\":\"notice\"", "\"state\":\"away\""));
    assert_non_null(strstr(world->line, "\"text\":\"mañana a las diez\""));
    assert_true(await(world, &her, "\"event\":\"knock_sent\"", ""));
    find_knock(world, conversation);
    assert_int_equal(WORKER(world, "", "erase", conversation), 0);
    assert_true(await(world, &her, "\"event\":\"ended\"", ""));
    process_kill(&her);
    assert_int_equal(WORKER(world, "", "desk", "notice", "--state", "on-duty", "Lun-vie 10-20 h"), 0);
}

static const char picture[] = "\xff\xd8\xff\xe1\x00\x10" "Exif\x00\x00" "GPS HERE" "\xff\xdb\x00\x05" "abc\xff\xda\x00\x04zzdata\xff\xd9";
static const char stripped[] = "\xff\xd8\xff\xdb\x00\x05" "abc\xff\xda\x00\x04zzdata\xff\xd9";

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void assert_file(const char *path, const void *bytes, size_t len)
{
    char content[256];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(content, 1, sizeof(content), f), len);
    assert_memory_equal(content, bytes, len);
    fclose(f);
}

static void a_picture_goes_without_what_the_camera_wrote_and_can_be_kept(void **state)
{
    struct process her, worker;
    char conversation[33], folder[] = "/tmp/zaguan-cli-XXXXXX", from[64], to[64], line[256], id[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(from, sizeof(from), "%s/from.jpg", folder);
    snprintf(to, sizeof(to), "%s/kept file.jpg", folder);
    write_file(from, picture, sizeof(picture) - 1);
    converse(world, &her, &worker, conversation);

    snprintf(line, sizeof(line), "/file %s\n", from);
    assert_true(process_write(&worker, line));
    snprintf(line, sizeof(line), "\"kind\":\"jpeg\",\"bytes\":%zu,\"text\":\"\"", sizeof(stripped) - 1);
    assert_true(await(world, &her, "\"event\":\"message\"", line));
    member(world, "message", id, sizeof(id));
    snprintf(line, sizeof(line), "/save %.6s %s\n", id, to);
    assert_true(process_write(&her, line));
    assert_true(process_write(&her, "/words\n")); /* an answer that comes after it */
    assert_true(await(world, &her, "\"event\":\"safety\"", ""));
    assert_file(to, stripped, sizeof(stripped) - 1);
    assert_true(process_write(&her, line));
    assert_true(await(world, &her, "\"event\":\"error\"", "choose another"));
    assert_true(process_write(&her, "/save ffffff /tmp/nothing\n"));
    assert_true(await(world, &her, "\"event\":\"error\"", "nothing here has this name"));

    /* The other way, and what is no picture. */
    snprintf(line, sizeof(line), "/file %s\n", from);
    assert_true(process_write(&her, line));
    assert_true(await(world, &worker, "\"event\":\"message\"", "\"kind\":\"jpeg\""));
    write_file(from, "GIF89a", 6);
    assert_true(process_write(&her, line));
    assert_true(await(world, &her, "\"event\":\"error\"", "convert it first"));
    erase_both(&her, &worker);
    unlink(from);
    unlink(to);
    rmdir(folder);
}

static void a_picture_is_shown_as_such_and_sent_by_send(void **state)
{
    char input[2048], conversation[33], from[] = "/tmp/zaguan-cli-XXXXXX";
    (void)state;
    int fd = mkstemp(from);
    assert_int_not_equal(fd, -1);
    close(fd);
    write_file(from, picture, sizeof(picture) - 1);
    snprintf(input, sizeof(input), "%s\nhola\n", world->card);
    assert_int_equal(process_run((const char *const[]){world->zaguan, "knock", NULL}, input, world->line,
                                 sizeof(world->line)),
                     0);
    find_knock(world, conversation);
    assert_int_equal(WORKER(world, "", "send", conversation, "--file", from), 1);
    assert_int_equal(WORKER(world, "answer\n", "send", conversation), 0);
    assert_int_equal(WORKER(world, "", "send", conversation, "--file", from), 0);
    assert_int_equal(WORKER(world, "", "send", conversation, "--file", "/tmp/not/there"), 1);
    assert_int_equal(WORKER(world, "", "chat", conversation), 0);
    assert_non_null(strstr(world->line, "> [picture, 1 KB: /save "));
    assert_int_equal(WORKER(world, "", "erase", conversation), 0);
    unlink(from);
}

static void a_voice_note_goes_as_it_is_and_that_is_said(void **state)
{
    static const char note[] = "\0\0\0\x10" "ftypM4A " "\0\0\0\0";
    char input[2048], conversation[33], from[] = "/tmp/zaguan-cli-XXXXXX";
    (void)state;
    int fd = mkstemp(from);
    assert_int_not_equal(fd, -1);
    close(fd);
    snprintf(input, sizeof(input), "%s\nhola\n", world->card);
    assert_int_equal(process_run((const char *const[]){world->zaguan, "knock", NULL}, input, world->line,
                                 sizeof(world->line)),
                     0);
    find_knock(world, conversation);
    snprintf(input, sizeof(input), "/file %s\n", from);
    write_file(from, picture, sizeof(picture) - 1);
    assert_int_equal(WORKER(world, "answer\n", "send", conversation), 0);
    assert_int_equal(WORKER(world, input, "chat", conversation), 0);
    assert_null(strstr(world->line, "goes as it is"));
    write_file(from, note, sizeof(note) - 1);
    assert_int_equal(WORKER(world, input, "chat", conversation), 0);
    assert_non_null(strstr(world->line, "goes as it is"));
    assert_int_equal(WORKER(world, "", "erase", conversation), 0);
    unlink(from);
}

static void pipes_send_lines_and_end(void **state)
{
    char input[2048], conversation[33], prefix[7];
    (void)state;
    snprintf(input, sizeof(input), "%s\nfirst line\n", world->card);
    assert_int_equal(process_run((const char *const[]){world->zaguan, "knock", NULL}, input, world->line,
                                 sizeof(world->line)),
                     0);
    assert_non_null(strstr(world->line, "* This is not for emergencies"));
    assert_non_null(strstr(world->line, "Lun-vie 10-20 h"));
    find_knock(world, conversation);
    snprintf(prefix, sizeof(prefix), "%.6s", conversation);
    assert_int_equal(WORKER(world, "", "inbox"), 0);
    assert_non_null(strstr(world->line, prefix));
    assert_non_null(strstr(world->line, "waits for an answer"));
    assert_int_equal(WORKER(world, "answer\n", "chat", prefix), 0);
    assert_non_null(strstr(world->line, "< first line\n"));
    assert_int_equal(WORKER(world, "several\nlines\n", "send", prefix), 0);
    assert_int_equal(WORKER(world, "", "send", prefix), 1);
    assert_int_equal(WORKER(world, "x\n", "send", "ffffffffffffffffffffffffffffffff"), 7);
    assert_int_equal(WORKER(world, "", "chat", prefix), 0);
    assert_non_null(strstr(world->line, "> several\n> lines\n"));
    assert_int_equal(WORKER(world, "", "erase", prefix), 0);
    assert_int_equal(WORKER(world, "", "erase", prefix), 7);
}

static void escape_sequences_do_not_arrive(void **state)
{
    struct process her;
    char conversation[33];
    (void)state;
    participant_knock(world, &her, "\x1b]0;owned\x07 \xe2\x80\xaekcab \x1b[2J");
    find_knock(world, conversation);
    assert_int_equal(WORKER(world, "", "chat", conversation), 0);
    assert_null(strchr(world->line, '\x1b'));
    assert_null(strchr(world->line, '\x07'));
    assert_null(strstr(world->line, "\xe2\x80\xae"));
    assert_non_null(strstr(world->line, "< ^[]0;owned^G <U+202E>kcab ^[[2J"));
    assert_int_equal(WORKER(world, "", "chat", conversation, "--json"), 0);
    assert_null(strchr(world->line, '\x1b'));
    assert_non_null(strstr(world->line, "\\u001b]0;owned\\u0007 \\u202ekcab \\u001b[2J"));
    assert_int_equal(WORKER(world, "", "erase", conversation), 0);
    process_kill(&her);
}

static void erasing_in_a_pipe_waits_until_the_relay_knows(void **state)
{
    char input[2048];
    (void)state;
    snprintf(input, sizeof(input), "%s\ntaken back\n/erase\n", world->card);
    assert_int_equal(process_run((const char *const[]){world->zaguan, "knock", "--json", NULL}, input, world->line,
                                 sizeof(world->line)),
                     0);
    assert_non_null(strstr(world->line, "\"event\":\"erased\""));
    assert_int_equal(WORKER(world, "", "inbox", "--json"), 0);
    assert_string_equal(world->line, "");
}

/* --- on a terminal --- */

static void start_chat(struct terminal *t, const char *conversation)
{
    terminal_start(t, (const char *const[]){world->zaguan, "chat", conversation, "--vault", world->vault, NULL});
    assert_true(terminal_expect(t, "Passphrase", 10000));
    terminal_wait(t, 150);
    terminal_type(t, PASSPHRASE "\n");
    assert_true(terminal_expect(t, "\x1b[?1049h", 10000));
}

static void expired_words_leave_the_screen(void **state)
{
    struct process her;
    struct terminal t;
    char conversation[33];
    (void)state;
    participant_knock(world, &her, "words that stay \x1b]0;owned\x07");
    find_knock(world, conversation);
    start_chat(&t, conversation);
    assert_true(terminal_expect(&t, "words that stay", 10000));
    assert_true(terminal_expect(&t, "gone in 24 h", 5000));
    assert_false(terminal_echoes(&t));
    terminal_type(&t, "an answer\n");
    assert_true(await(world, &her, "\"event\":\"message\"", "\"text\":\"an answer\""));
    assert_true(process_write(&her, "/lifetime 3s sent\nwords that vanish\n"));
    assert_true(terminal_expect(&t, "words that vanish", 10000));
    assert_non_null(strstr(terminal_screen(&t), "words that vanish"));
    terminal_wait(&t, 4500);
    assert_null(strstr(terminal_screen(&t), "words that vanish"));
    assert_non_null(strstr(terminal_screen(&t), "words that stay"));

    terminal_type(&t, "/quit\n");
    assert_int_equal(terminal_end(&t), 0);
    assert_true(terminal_echoes(&t));
    assert_non_null(strstr(t.shown, "\x1b[2J\x1b[3J\x1b[H\x1b[?1049l")); /* wiped before the screen is given back */
    assert_null(strstr(t.shown, "\x1b]0;owned"));
    assert_null(strstr(t.shown, PASSPHRASE));
    terminal_close(&t);
    assert_int_equal(WORKER(world, "", "erase", conversation), 0);
    process_kill(&her);
}

static void signals_leave_a_clean_terminal(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGQUIT};
    struct process her;
    struct terminal t;
    char conversation[33];
    (void)state;
    participant_knock(world, &her, "hola");
    find_knock(world, conversation);
    for (int i = 0; i < 3; i++) {
        start_chat(&t, conversation);
        assert_true(terminal_expect(&t, "hola", 10000));
        /* Ctrl-\ is no key here: it would end the program with the words on the screen. What comes behind it shows that it was read. */
        terminal_type(&t, "\x1czyx");
        assert_true(terminal_expect(&t, "zyx", 10000));
        if (i == 0)
            terminal_type(&t, "\x03");
        else
            kill(t.pid, signals[i]);
        assert_int_equal(terminal_end(&t), 128 + signals[i]);
        assert_true(terminal_echoes(&t));
        assert_non_null(strstr(t.shown, "\x1b[?1049l"));
        terminal_close(&t);
    }
    assert_int_equal(WORKER(world, "", "erase", conversation), 0);
    process_kill(&her);
}

static void knock_on_a_terminal_says_limits_first(void **state)
{
    struct terminal t;
    char keys[1200], conversation[33];
    (void)state;
    terminal_start(&t, (const char *const[]){world->zaguan, "knock", NULL});
    assert_true(terminal_expect(&t, "contact card", 10000));
    terminal_wait(&t, 150);
    assert_false(terminal_echoes(&t));
    snprintf(keys, sizeof(keys), "%s\n", world->card);
    terminal_type(&t, keys);
    assert_true(terminal_expect(&t, "not for emergencies", 10000));
    /* What the desk says of itself, before her first word. */
    assert_true(terminal_expect(&t, "the desk: somebody is on duty", 10000));
    terminal_type(&t, "hellp\x7fo\n"); /* a slip, put right */
    assert_true(terminal_expect(&t, "your words wait at the desk", 10000));
    assert_non_null(strstr(terminal_screen(&t), "me: hello"));
    find_knock(world, conversation);
    assert_int_equal(WORKER(world, "answer\n", "chat", conversation), 0);
    assert_true(terminal_expect(&t, "Ana: answer", 10000));
    terminal_type(&t, "\x04");
    assert_int_equal(terminal_end(&t), 0);
    assert_null(strstr(t.shown, "zaguan:")); /* the card does not stay in the scroll-back */
    terminal_close(&t);
    assert_int_equal(WORKER(world, "", "erase", conversation), 0);
}

#define NOTE "girasol azul; otra letra hoy"

/* A code word that was agreed, and a doubt: on the worker's device only. */
static void a_note_stays_with_the_worker(void **state)
{
    struct process her, worker;
    struct terminal t;
    char conversation[33];
    (void)state;
    converse(world, &her, &worker, conversation);
    assert_true(process_write(&worker, "/note " NOTE "\n"));
    assert_true(await(world, &worker, "\"event\":\"note\"", "\"text\":\"" NOTE "\""));
    assert_true(process_write(&worker, "despu\xc3\xa9s\n"));
    assert_true(await(world, &her, "\"event\":\"message\"", "despu\xc3\xa9s"));
    assert_true(process_write(&worker, "/quit\n"));
    assert_int_equal(process_wait(&worker, 10000), 0);

    assert_int_equal(WORKER(world, "", "chat", conversation), 0);
    assert_ptr_equal(strstr(world->line, "* your note: " NOTE "\n"), world->line);
    start_chat(&t, conversation);
    assert_true(terminal_expect(&t, "your note: " NOTE, 10000));
    terminal_type(&t, "/note -\n");
    assert_true(terminal_expect(&t, "there is no note", 10000));
    assert_null(strstr(terminal_screen(&t), NOTE));
    terminal_type(&t, "/quit\n");
    assert_int_equal(terminal_end(&t), 0);
    terminal_close(&t);
    assert_int_equal(WORKER(world, "", "chat", conversation, "--json"), 0);
    assert_null(strstr(world->line, "\"event\":\"note\""));
    assert_int_equal(WORKER(world, "", "erase", conversation), 0);
    process_kill(&her);
}

/* --- what goes wrong --- */

static void one_vault_one_program(void **state)
{
    struct process her, worker;
    char conversation[33];
    (void)state;
    converse(world, &her, &worker, conversation);
    assert_int_equal(WORKER(world, "", "inbox"), 6);
    assert_non_null(strstr(world->line, "in use"));
    erase_both(&her, &worker);
}

static void messages_wait_for_the_relay(void **state)
{
    struct process her, worker;
    char conversation[33];
    (void)state;
    converse(world, &her, &worker, conversation);
    assert_true(process_write(&worker, "/quit\n"));
    assert_int_equal(process_wait(&worker, 10000), 0);
    relay_kill(&world->relay);
    assert_int_equal(WORKER(world, "kept for later\n", "send", conversation, "--wait", "1"), 5);
    assert_non_null(strstr(world->line, "kept"));
    relay_start(&world->relay);
    assert_int_equal(WORKER(world, "", "inbox", "--wait", "3"), 0);
    assert_true(await(world, &her, "\"event\":\"message\"", "\"text\":\"kept for later\""));
    WORKER_START(world, &worker, "chat", conversation, "--json");
    erase_both(&her, &worker);
}

static void inbox_says_when_the_relay_is_away(void **state)
{
    (void)state;
    relay_kill(&world->relay);
    struct process her;
    participant_start(world, &her, "is anybody there");
    assert_true(await(world, &her, "\"event\":\"disconnected\"", "\"error\":\"network\""));
    process_signal(&her, SIGTERM);
    assert_int_equal(process_wait(&her, 5000), 128 + SIGTERM);
    assert_int_equal(WORKER(world, "", "inbox"), 5);
    assert_non_null(strstr(world->line, "not reached"));
    relay_start(&world->relay);
}

static void vouchers_work_once(void **state)
{
    char voucher[256], input[1024], vault[160];
    (void)state;
    snprintf(vault, sizeof(vault), "%s/second.vault", world->relay.folder);
    relay_voucher(&world->relay, voucher, sizeof(voucher));
    snprintf(input, sizeof(input), PASSPHRASE "\n%s\n%s\n" PASSPHRASE "\n", world->relay.address, voucher);
    const char *const argv[] = {world->zaguan, "desk", "create", "--organisation", world->organisation, "--alias", "Eva",
                                "--peer", "--vault", vault, "--organisation-passphrase-fd", "0", "--passphrase-fd", "0", NULL};
    assert_int_equal(process_run(argv, input, world->line, sizeof(world->line)), 0);
    assert_int_equal(process_run(argv, input, world->line, sizeof(world->line)), 1); /* there is a vault already */
    assert_int_equal(unlink(vault), 0);
    assert_int_equal(process_run(argv, input, world->line, sizeof(world->line)), 4);
    assert_int_not_equal(access(vault, F_OK), 0);
}

static void workers_can_be_renewed(void **state)
{
    (void)state;
    assert_int_equal(WORKER(world, PASSPHRASE "\n", "desk", "renew", "--organisation", world->organisation,
                            "--organisation-passphrase-fd", "0"),
                     0);
    assert_non_null(strstr(world->line, "renewed"));
}

static void damaged_cards_reach_nobody(void **state)
{
    char input[1200];
    (void)state;
    snprintf(input, sizeof(input), "%s\nhola\n", world->card);
    size_t len = strlen(world->card);
    for (size_t i = 7; i < len; i += 20) {
        char c = input[i];
        input[i] = c == 'A' ? 'B' : 'A';
        assert_int_equal(process_run((const char *const[]){world->zaguan, "knock", NULL}, input, world->line,
                                     sizeof(world->line)),
                         4);
        input[i] = c;
    }
    snprintf(input, sizeof(input), "%.*s\nhola\n", (int)len - 5, world->card);
    assert_int_equal(process_run((const char *const[]){world->zaguan, "knock", NULL}, input, world->line,
                                 sizeof(world->line)),
                     4);
}

static void cards_come_as_link_image_and_code(void **state)
{
    char png[160], head[8] = "";
    (void)state;
    snprintf(png, sizeof(png), "%s/card.png", world->relay.folder);
    assert_int_equal(WORKER(world, "", "card", "--prefix", "https://example.org/#", "--png", png), 0);
    assert_int_equal(strncmp(world->line, "https://example.org/#", 21), 0);
    FILE *f = fopen(png, "rb");
    assert_non_null(f);
    assert_int_equal(fread(head, 1, 8, f), 8);
    fclose(f);
    assert_memory_equal(head, "\x89PNG\r\n\x1a\n", 8);
    assert_int_equal(WORKER(world, "", "card", "--json"), 0);
    assert_int_equal(strncmp(world->line, "{\"card\":\"zaguan:", 16), 0);
}

/* --- a participant leaves nothing behind --- */

static void knock_opens_no_file_for_writing(void **state)
{
    char trace[160], input[1200], line[4096];
    int seen = 0;
    (void)state;
    if (access("/usr/bin/strace", X_OK) != 0)
        skip();
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* two programs cannot trace one */
    snprintf(trace, sizeof(trace), "%s/trace", world->relay.folder);
    snprintf(input, sizeof(input), "%s\nhola\n/erase\n", world->card);
    assert_int_equal(process_run((const char *const[]){"/usr/bin/strace", "-f", "-qq", "-e", "trace=%file", "-o", trace,
                                                       world->zaguan, "knock", NULL},
                                 input, world->line, sizeof(world->line)),
                     0);
    FILE *f = fopen(trace, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        bool changes = strstr(line, "O_WRONLY") || strstr(line, "O_RDWR") || strstr(line, "O_CREAT") ||
                       strstr(line, "mkdir") || strstr(line, "rename") || strstr(line, "unlink") || strstr(line, "link(");
        bool fails = strstr(line, "= -1") != NULL;
        seen += strstr(line, "open") != NULL;
        if (changes && !fails && strstr(line, "readlink") == NULL && strstr(line, "/dev/") == NULL &&
            strstr(line, "/proc/self/") == NULL)
            fail_msg("it wrote: %s", line);
    }
    fclose(f);
    assert_true(seen > 5); /* the trace is not empty */
}

#define TEST(name) cmocka_unit_test(name)

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        TEST(words_arrive_exactly_and_safety_words_agree),
        TEST(notice_is_read_and_changed),
        TEST(a_picture_goes_without_what_the_camera_wrote_and_can_be_kept),
        TEST(a_picture_is_shown_as_such_and_sent_by_send),
        TEST(a_voice_note_goes_as_it_is_and_that_is_said),
        TEST(pipes_send_lines_and_end),
        TEST(escape_sequences_do_not_arrive),
        TEST(erasing_in_a_pipe_waits_until_the_relay_knows),
        TEST(expired_words_leave_the_screen),
        TEST(signals_leave_a_clean_terminal),
        TEST(knock_on_a_terminal_says_limits_first),
        TEST(a_note_stays_with_the_worker),
        TEST(one_vault_one_program),
        TEST(messages_wait_for_the_relay),
        TEST(inbox_says_when_the_relay_is_away),
        TEST(vouchers_work_once),
        TEST(workers_can_be_renewed),
        TEST(damaged_cards_reach_nobody),
        TEST(cards_come_as_link_image_and_code),
        TEST(knock_opens_no_file_for_writing),
    };
    if (argc != 3)
        return 1;
    world = calloc(1, sizeof(*world));
    if (world == NULL)
        return 1;
    world_open(world, argv[1], argv[2]);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    world_close(world);
    free(world);
    return failed;
}
