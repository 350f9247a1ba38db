/*
 * What differs between nginx versions: every test of nginx_version of the
 * module is in this file.
 */

#ifndef NGX_KECS_COMPAT_H
#define NGX_KECS_COMPAT_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>


/* Since 1.23.0 header lines of one name are a linked list. */

#if (nginx_version >= 1023000)

#define ngx_kecs_header_end(h)  (h)->next = NULL

#else

#define ngx_kecs_header_end(h)

#endif


#endif
