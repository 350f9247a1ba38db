/*
 * Names of the result codes.
 */

#include "rc.h"


const char *
kecs_rc_name(kecs_rc_t rc)
{
    static const char *const  names[] = {
        "ok", "failed", "out of memory", "not found", "exists already",
        "malformed", "too large", "changed meanwhile", "full",
        "input/output error", "permission denied", "too new", "corrupt",
        "busy", "try again", "done", "refused"
    };

    if ((unsigned) rc >= sizeof(names) / sizeof(names[0])) {
        return "unknown";
    }

    return names[rc];
}
