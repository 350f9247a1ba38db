/*
 * Quantities of the Kubernetes API: "7910m", "15Gi", "1.5e3", or a number.
 */

#ifndef KECS_QUANTITY_H
#define KECS_QUANTITY_H


#include "../json/json.h"


/* 0: it is absent, or no quantity. */
double kecs_quantity(const kecs_json_t *v);


#endif
