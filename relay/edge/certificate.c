#define _GNU_SOURCE
#include "relay/edge/certificate.h"

#include <errno.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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
    const mbedtls_x509_time *to = &crt.valid_to;
    struct tm end = {.tm_year = to->year - 1900,
                     .tm_mon = to->mon - 1,
                     .tm_mday = to->day,
                     .tm_hour = to->hour,
                     .tm_min = to->min,
                     .tm_sec = to->sec};
    *utc_s = (uint64_t)timegm(&end);
    ok = true;
out:
    mbedtls_x509_crt_free(&crt);
    return ok;
}
