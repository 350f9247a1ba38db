/*
 * The errors that there are and those of the public model: each exception
 * of ECS has its name here, and the status of its side.
 */

#include "../../src/ecs/ecs.h"
#include "tap.h"


static bool
find(const char *name, kecs_error_t *e)
{
    unsigned  i;

    for (i = 0; i < KECS_ERRORS; i++) {
        *e = (kecs_error_t) i;

        if (strcmp(kecs_error_name(*e), name) == 0) {
            return true;
        }
    }

    return false;
}


static void
test_model(void)
{
    size_t        i;
    kecs_error_t  e;
    const char   *name;

    for (i = 0; i < KECS_ECS_EXCEPTIONS; i++) {
        name = kecs_ecs_exceptions[i].name;

        if (find(name, &e)) {
            tap_is_int(kecs_error_status(e),
                       kecs_ecs_exceptions[i].fault ? 500 : 400, "%s", name);

        } else {
            tap_ok(false, "%s is known", name);
        }
    }
}


/* No name twice, none without a status of an error. */

static void
test_table(void)
{
    unsigned      i;
    kecs_error_t  e;

    for (i = KECS_E_NONE + 1; i < KECS_ERRORS; i++) {
        tap_ok(find(kecs_error_name((kecs_error_t) i), &e)
               && (unsigned) e == i
               && kecs_error_status((kecs_error_t) i) >= 400, "%s",
               kecs_error_name((kecs_error_t) i));
    }
}


int
main(void)
{
    test_model();
    test_table();

    return tap_done();
}
