/*
 * The program that logs in, from what a kubeconfig says of it.
 */

#ifndef KECS_EXEC_CONFIG_H
#define KECS_EXEC_CONFIG_H


#include "../json/json.h"
#include "kubeconfig.h"


/*
 * Fills out->exec.  `command` is the program, its path resolved; `exec` is
 * users[].user.exec.  What `out` says of the server has to be known
 * already, and `cluster` is where that came from.
 *
 * KECS_OK, KECS_NOMEM, KECS_INVALID: *what is a phrase for a person.
 */
kecs_rc_t kecs_exec_config(kecs_arena_t *a, kecs_str_t command,
    const kecs_json_t *exec, const kecs_json_t *cluster,
    kecs_kubeconfig_t *out, const char **what);


#endif
