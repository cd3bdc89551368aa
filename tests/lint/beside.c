/*
 * A program that has names of its own in common with the inside of libzaguan, or that uses another libsodium (ZG_SYSTEM_SODIUM).
 * The library must go on with its own: a vault is made, opened again, and refuses a wrong passphrase.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zaguan/vault_sqlite.h>

#ifdef ZG_SYSTEM_SODIUM
/* Its header is not wanted beside ours. */
int sodium_init(void);
const char *sodium_version_string(void);
int crypto_generichash(unsigned char *out, size_t out_len, const unsigned char *in, unsigned long long in_len,
                       const unsigned char *key, size_t key_len);
#else
static void taken(const char *name)
{
    fprintf(stderr, "the library called the program's %s\n", name);
    abort();
}

#define OWN(name)                                                                                            \
    void name(void);                                                                                         \
    void name(void)                                                                                          \
    {                                                                                                        \
        taken(#name);                                                                                        \
    }

OWN(sodium_init)
OWN(sodium_malloc)
OWN(sodium_memzero)
OWN(randombytes_buf)
OWN(crypto_pwhash)
OWN(crypto_generichash)
OWN(crypto_aead_chacha20poly1305_ietf_encrypt)
OWN(box_make)
OWN(box_open)
OWN(seal)
OWN(seal_open)
OWN(rng_system)
#endif

static void check(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    exit(1);
}

static void use_other_sodium(void)
{
#ifdef ZG_SYSTEM_SODIUM
    unsigned char hash[32];
    check(sodium_init() >= 0, "the system's libsodium starts");
    check(crypto_generichash(hash, sizeof(hash), hash, 0, NULL, 0) == 0, "and hashes");
    printf("beside libsodium %s\n", sodium_version_string());
#endif
}

int main(int argc, char **argv)
{
    static const char right[] = "a long passphrase", wrong[] = "another passphrase";
    zg_vault *vault = NULL;

    check(argc == 2, "one argument: a file that may be overwritten");
    unlink(argv[1]);
    use_other_sodium();
    check(zg_vault_sqlite_open(&vault, argv[1], ZG_VAULT_CREATE, right, strlen(right)) == ZG_OK, "created");
    vault->close(vault);
    check(zg_vault_sqlite_open(&vault, argv[1], ZG_VAULT_OPEN, wrong, strlen(wrong)) == ZG_ERR_PASSPHRASE,
          "a wrong passphrase is refused");
    check(zg_vault_sqlite_open(&vault, argv[1], ZG_VAULT_OPEN, right, strlen(right)) == ZG_OK, "opened");
    vault->close(vault);
    use_other_sodium();
    unlink(argv[1]);
    return 0;
}
