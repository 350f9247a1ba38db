/*
 * The verdicts of `kecs doctor`: pure functions of what was seen.
 */

#include <stdio.h>

#include "../kube/kubeconfig.h"
#include "doctor.h"


#define MIB            (1024 * 1024)
#define DISK_SHORT     (1 * MIB)        /* then additions are refused */
#define DISK_LITTLE    (256 * MIB)

#define SKEW_WARN      2000
#define SKEW_FAIL      60000            /* tokens are refused about then */

#define TCP_LISTEN     0x0a


kecs_level_t
kecs_judge_disk(uint64_t left)
{
    return left < DISK_SHORT ? KECS_FAIL
           : left < DISK_LITTLE ? KECS_WARN : KECS_FINE;
}


kecs_level_t
kecs_judge_map(uint64_t used, uint64_t size)
{
    if (size == 0) {
        return KECS_FINE;
    }

    return used >= size / 10 * 9 ? KECS_FAIL
           : used >= size / 4 * 3 ? KECS_WARN : KECS_FINE;
}


kecs_level_t
kecs_judge_mode(unsigned mode)
{
    return mode & 0022 ? KECS_FAIL : mode & 0055 ? KECS_WARN : KECS_FINE;
}


bool
kecs_is_network_disk(long type)
{
    size_t             i;
    static const long  types[] = {
        0x6969,                         /* NFS */
        0x517b, (long) 0xff534d42, (long) 0xfe534d42,   /* SMB, CIFS */
        0x00c36400,                     /* Ceph */
        0x01021997,                     /* 9p */
        0x5346414f                      /* AFS */
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if ((uint32_t) types[i] == (uint32_t) type) {
            return true;
        }
    }

    return false;
}


kecs_level_t
kecs_judge_skew(kecs_msec_t skew)
{
    if (skew < 0) {
        skew = -skew;
    }

    return skew > SKEW_FAIL ? KECS_FAIL
           : skew > SKEW_WARN ? KECS_WARN : KECS_FINE;
}


kecs_level_t
kecs_judge_aws(const char *line, int *major, int *minor)
{
    *major = 0;
    *minor = 0;

    if (sscanf(line, "aws-cli/%d.%d", major, minor) != 2) {
        return KECS_WARN;
    }

    return *major < 1 || (*major == 1 && *minor < 29)
           || (*major == 2 && *minor < 13) ? KECS_FAIL : KECS_FINE;
}


/* The port of an http URL; 0 when it is not written. */

static unsigned
port_of(const char *url)
{
    unsigned     port;
    const char  *colon;

    colon = strrchr(url, ':');

    return colon != NULL && sscanf(colon, ":%5u", &port) == 1 ? port : 0;
}


kecs_level_t
kecs_judge_endpoint(const char *url, unsigned port)
{
    if (strstr(url, ".amazonaws.com") != NULL
        || strstr(url, ".api.aws") != NULL)
    {
        return KECS_FAIL;
    }

    return kecs_url_is_loopback(kecs_str_of(url)) && port_of(url) == port
           ? KECS_FINE : KECS_WARN;
}


/* 127.0.0.0/8, or any address, as the kernel prints them. */

static bool
includes_loopback(const char *address)
{
    size_t  i, len;

    len = strlen(address);

    if (len == 8 && strcmp(address + 6, "7F") == 0) {
        return true;
    }

    for (i = 0; i < len && address[i] == '0'; i++) {
        /* void */
    }

    return i == len;
}


bool
kecs_listens(const char *line, unsigned port, unsigned long long *inode)
{
    char      address[33];
    unsigned  local, state;

    return sscanf(line, " %*d: %32[0-9A-F]:%4X %*[0-9A-F]:%*4X %2X %*s %*s"
                  " %*s %*u %*u %llu", address, &local, &state, inode) == 4
           && state == TCP_LISTEN && local == port
           && includes_loopback(address);
}
