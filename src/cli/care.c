/*
 * check, backup, restore: the store's care from the command line.
 */

#include <stdio.h>

#include "../store/store.h"
#include "cli.h"


static kecs_store_t *
open_store(const kecs_options_t *o)
{
    const char         *why;
    kecs_store_t       *store;
    kecs_store_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.path = o->data;
    why = NULL;

    if (kecs_store_open(&conf, &store, &why) != KECS_OK) {
        (void) kecs_die("%s", why ? why : "cannot open the store");
        return NULL;
    }

    return store;
}


static void
say(void *ctx, const char *line)
{
    (void) ctx;
    printf("%s\n", line);
}


int
kecs_check(kecs_options_t *o)
{
    unsigned            defects;
    kecs_rc_t           rc;
    kecs_store_t       *store;
    kecs_store_info_t   info;

    store = open_store(o);

    if (store == NULL) {
        return 1;
    }

    kecs_store_info(store, &info);
    printf("store %s, format %u, incarnation %llu, change %llu\n", info.uuid,
           info.format, (unsigned long long) info.incarnation,
           (unsigned long long) info.seq);

    defects = 0;
    rc = kecs_store_check(store, say, NULL, &defects);
    kecs_store_close(store);

    if (rc != KECS_OK) {
        return kecs_die("the check failed: %s", kecs_rc_name(rc));
    }

    printf("%u defects\n", defects);

    return defects != 0;
}


int
kecs_backup(kecs_options_t *o)
{
    kecs_rc_t      rc;
    const char    *why;
    kecs_store_t  *store;

    store = open_store(o);

    if (store == NULL) {
        return 1;
    }

    why = "cannot write the backup";
    rc = kecs_store_backup(store, o->args[0], &why);
    kecs_store_close(store);

    if (rc != KECS_OK) {
        return kecs_die("%s", why);
    }

    printf("backup written to %s\n", o->args[0]);

    return 0;
}


int
kecs_restore(kecs_options_t *o)
{
    const char         *why;
    kecs_store_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.path = o->data;
    conf.create = true;
    why = "cannot restore";

    if (!kecs_make_folder(o->data)) {
        return 1;
    }

    if (kecs_store_restore(&conf, o->args[0], o->replace, &why) != KECS_OK) {
        return kecs_die("%s", why);
    }

    printf("restored %s from %s\n", o->data, o->args[0]);

    return 0;
}
