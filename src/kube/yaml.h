/*
 * YAML in: one document as the same tree that JSON is read into, because
 * a kubeconfig may be either (JSON is YAML) and is read like any other
 * object.  Scalars become strings, quoted or not, save that plain true,
 * false, null and nothing become what they are in JSON.  Anchors may be
 * used; what they expand to counts against the limits of json.h.
 */

#ifndef KECS_YAML_H
#define KECS_YAML_H


#include "../json/json.h"


/*
 * Parses the first document of `text` into the arena.  KECS_OK,
 * KECS_NOMEM, KECS_INVALID (malformed, an empty text too; *line says
 * where, from 1), KECS_TOO_LARGE (too deep, too many values).
 */
kecs_rc_t kecs_yaml_parse(kecs_arena_t *a, kecs_str_t text,
    const kecs_json_t **out, unsigned *line);


#endif
