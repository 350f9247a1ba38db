/*
 * The query protocol: parameters as a form ("Action=A&Version=V") in, XML
 * out.  Services of this protocol take a form as the body of a POST or as
 * the query string of a GET.
 */

#ifndef KECS_FORM_H
#define KECS_FORM_H


#include "../base/buf.h"


/*
 * The first parameter of this name, decoded; absent when there is none.
 * What is no escape stays as it is.  KECS_NOMEM.
 */
kecs_rc_t kecs_form_get(kecs_arena_t *a, kecs_str_t form, const char *name,
    kecs_str_t *value);

/*
 * <name>text</name>, indented by so many steps, on a line of its own.
 * Markup is escaped, what XML 1.0 cannot hold (and what is not UTF-8) is
 * '?'.
 */
void kecs_xml_element(kecs_buf_t *b, unsigned depth, const char *name,
    kecs_str_t text);

/*
 * <ErrorResponse>, whose fault by the HTTP status.  `xmlns` NULL: without
 * one, as some services have it.
 */
void kecs_xml_error(kecs_buf_t *b, const char *xmlns, unsigned status,
    const char *code, kecs_str_t message, kecs_str_t request_id);


#endif
