/*
 * Looks for what may be left, for tests that are no C programs. FILE keeps what is looked for.
 *
 *     look plant FILE relay FOLDER | vault VAULT PASSPHRASE | text WORDS | hex BYTES
 *     look keep FILE VAULT PASSPHRASE          what the vault still holds is not looked for any more
 *     look forgive FILE WHAT                   nor what may stay for another reason, such as "epoch key"
 *     look find FILE folder FOLDER | memory PID | open PID ...
 *
 * find prints a line for each place and thing that was found, then "found N of M". 77: memory that cannot be
 * read here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "tests/forensic/capture.h"

enum { FAILED = 1, BLIND = 77 };

static struct wanted wanted;

static void load(const char *path)
{
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return; /* nothing yet */
    if (fread(&wanted, sizeof(wanted), 1, f) != 1)
        exit(FAILED);
    fclose(f);
}

static void save(const char *path)
{
    FILE *f = fopen(path, "w");
    if (f == NULL || fwrite(&wanted, sizeof(wanted), 1, f) != 1 || fclose(f) != 0)
        exit(FAILED);
}

static void plant_hex(const char *hex)
{
    uint8_t bytes[WANTED_BYTES];
    size_t len;
    if (sodium_hex2bin(bytes, sizeof(bytes), hex, strlen(hex), NULL, &len, NULL) != 0)
        exit(FAILED);
    wanted_add(&wanted, "bytes", bytes, len);
}

static int plant(int count, char **args)
{
    size_t before = wanted.count;
    if (count == 2 && strcmp(args[0], "relay") == 0)
        capture_relay(&wanted, args[1], NULL);
    else if (count == 3 && strcmp(args[0], "vault") == 0)
        capture_vault(&wanted, args[1], args[2]);
    else if (count == 2 && strcmp(args[0], "text") == 0)
        wanted_add(&wanted, "words", args[1], strlen(args[1]));
    else if (count == 2 && strcmp(args[0], "hex") == 0)
        plant_hex(args[1]);
    printf("planted %zu\n", wanted.count - before);
    return wanted.count > before ? 0 : FAILED;
}

static void tell(const char *place)
{
    for (size_t i = 0; i < wanted.count; i++)
        if (wanted.items[i].times > 0)
            printf("%s: %s, in %s\n", place, wanted.items[i].what, wanted.items[i].where);
}

static int find(int count, char **args)
{
    wanted_reset(&wanted);
    for (int i = 0; i + 1 < count; i += 2) {
        pid_t pid = (pid_t)atoi(args[i + 1]);
        if (strcmp(args[i], "folder") == 0)
            scan_folder(&wanted, args[i + 1]);
        else if (strcmp(args[i], "open") == 0)
            scan_open_files(&wanted, pid, "a program");
        else if (scan_memory(&wanted, pid, "a program") == 0)
            return BLIND;
    }
    tell("found");
    printf("found %zu of %zu\n", wanted_found(&wanted, NULL), wanted.count);
    return 0;
}

int main(int argc, char **argv)
{
    int code = FAILED;
    if (argc < 4 || sodium_init() < 0)
        return FAILED;
    load(argv[2]);
    if (strcmp(argv[1], "plant") == 0)
        code = plant(argc - 3, argv + 3);
    else if (strcmp(argv[1], "find") == 0)
        code = find(argc - 3, argv + 3);
    else if (strcmp(argv[1], "keep") == 0 && argc == 5) {
        capture_keep(&wanted, argv[3], argv[4]);
        code = 0;
    } else if (strcmp(argv[1], "forgive") == 0) {
        wanted_forgive(&wanted, argv[3]);
        code = 0;
    }
    save(argv[2]);
    return code;
}
