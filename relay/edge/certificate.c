#define _GNU_SOURCE
#include "relay/edge/certificate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t certificate_moment(const mbedtls_x509_time *t)
{
    struct tm tm = {.tm_year = t->year - 1900,
                    .tm_mon = t->mon - 1,
                    .tm_mday = t->day,
                    .tm_hour = t->hour,
                    .tm_min = t->min,
                    .tm_sec = t->sec};
    time_t utc = timegm(&tm);
    return utc > 0 ? (uint64_t)utc : 1;
}

bool certificate_end(const char *path, uint64_t *utc_s, char *why, size_t why_cap)
{
    mbedtls_x509_crt crt;
    bool ok = false;

    if (access(path, R_OK) != 0) {
        snprintf(why, why_cap, "%s: %s", path, strerror(errno));
        return false;
    }
    mbedtls_x509_crt_init(&crt);
    if (mbedtls_x509_crt_parse_file(&crt, path) < 0 || crt.raw.len == 0) {
        snprintf(why, why_cap, "%s holds no certificate", path);
        goto out;
    }
    *utc_s = certificate_moment(&crt.valid_to);
    ok = true;
out:
    mbedtls_x509_crt_free(&crt);
    return ok;
}
