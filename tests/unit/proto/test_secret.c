#include "tests/unit/proto/test.h"

#include "proto/secret.h"

static const struct {
    const char *text;
    enum role role;
} roles[] = {
    {"put", ROLE_PUT},   {"take", ROLE_TAKE},   {"own", ROLE_OWN},           {"end", ROLE_END},
    {"read", ROLE_READ}, {"write", ROLE_WRITE}, {"slot-own", ROLE_SLOT_OWN}, {"voucher", ROLE_VOUCHER},
};

enum { ROLES = sizeof(roles) / sizeof(roles[0]) };

static enum role role_of(const char *text)
{
    for (size_t i = 0; i < ROLES; i++)
        if (strcmp(roles[i].text, text) == 0)
            return roles[i].role;
    fail_msg("no role %s", text);
    return ROLE_PUT;
}

static void names_agree_with_their_vectors(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("names.txt");
    size_t count = 0;
    for (; vector_next(f); count++) {
        struct secret secret;
        struct name name, expected;
        struct handle handle, hash;
        if (vector_has(f, "role")) {
            vector_bytes(f, "secret", secret.b, sizeof(secret.b));
            vector_bytes(f, "name", expected.b, sizeof(expected.b));
            secret_name(role_of(vector_text(f, "role")), secret.b, &name);
            assert_memory_equal(name.b, expected.b, sizeof(name.b));
        } else {
            vector_bytes(f, "handle", handle.b, sizeof(handle.b));
            vector_bytes(f, "hash", expected.b, sizeof(expected.b));
            handle_hash(handle.b, &hash);
            assert_memory_equal(hash.b, expected.b, sizeof(hash.b));
        }
    }
    assert_int_equal(count, ROLES + 1);
    vector_close(f);
}

static void a_secret_has_another_name_in_every_role(void **state)
{
    (void)state;
    const struct secret secret = {{7}};
    struct name names[ROLES];
    for (size_t i = 0; i < ROLES; i++) {
        secret_name(roles[i].role, secret.b, &names[i]);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(names[i].b, names[k].b, sizeof(names[i].b));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(names_agree_with_their_vectors),
    cmocka_unit_test(a_secret_has_another_name_in_every_role),
};

RUN_TESTS
