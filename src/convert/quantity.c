/*
 * Quantities as numbers: what is computed from them is rounded to ECS's
 * units, so that the precision of a double will do.
 */

#include <stdlib.h>

#include "quantity.h"


#define MIB  (1024.0 * 1024)


static double
of_text(kecs_str_t s)
{
    char    text[64], *end;
    size_t  i;
    double  n;

    static const struct {
        const char  *suffix;
        double       factor;
    } suffixes[] = {
        { "", 1 }, { "n", 1e-9 }, { "u", 1e-6 }, { "m", 1e-3 },
        { "k", 1e3 }, { "M", 1e6 }, { "G", 1e9 }, { "T", 1e12 },
        { "P", 1e15 }, { "E", 1e18 }, { "Ki", 1024 }, { "Mi", MIB },
        { "Gi", 1024 * MIB }, { "Ti", MIB * MIB },
        { "Pi", 1024 * MIB * MIB }, { "Ei", MIB * MIB * MIB }
    };

    if (s.len == 0 || s.len >= sizeof(text) || s.data[0] < '0'
        || s.data[0] > '9')
    {
        return 0;
    }

    memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    n = strtod(text, &end);

    for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (strcmp(end, suffixes[i].suffix) == 0) {
            return n * suffixes[i].factor;
        }
    }

    return 0;
}


double
kecs_quantity(const kecs_json_t *v)
{
    double  n;

    return kecs_json_double(v, &n) ? n : of_text(kecs_json_str(v));
}
