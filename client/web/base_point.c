/*
 * A multiple of the base point of Curve25519. libsodium has a table of the base point's multiples, which does not compress:
 * a quarter of what a phone would load. So the page takes libsodium's multiplication of any point instead, in constant time
 * as well; client/web/build puts it in the place of the other (-Wl,--wrap).
 */
#include <stdint.h>

/* libsodium's ge25519_p3: four elements of the field, of ten 32-bit limbs or of five 64-bit ones. */
typedef struct {
    uint64_t limbs[20];
} point;

int ge25519_frombytes(point *h, const unsigned char *s);
void ge25519_scalarmult(point *h, const unsigned char *a, const point *p);
void __wrap_ge25519_scalarmult_base(point *h, const unsigned char *a);

/* y = 4/5, the even x; RFC 8032, section 5.1. */
static const unsigned char base[32] = {
    0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
    0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
};

void __wrap_ge25519_scalarmult_base(point *h, const unsigned char *a)
{
    point b;
    (void)ge25519_frombytes(&b, base);
    ge25519_scalarmult(h, a, &b);
}
