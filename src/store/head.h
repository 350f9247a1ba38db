/*
 * Heads and keys of records as bytes, by the field tables of record.c.
 *
 * A head's body is: generation of the parts, then every field behind the
 * keys in table order.  Numbers are little groups of 7 bits (LEB128), times
 * the same after folding the sign; a string is its length + 1 (0: absent)
 * and its bytes; ids and hashes are as they are.  What the store keeps has
 * the log position in front (8 bytes), which is not part of the body: two
 * bodies are equal when the records are.
 */

#ifndef KECS_HEAD_H
#define KECS_HEAD_H


#include "store.h"


/* An upper bound for the packed body of `rec`. */
size_t kecs_head_bound(const kecs_schema_t *s, const void *rec);

/* Packs into `out`, which has room for the bound; the bytes written. */
size_t kecs_head_pack(const kecs_schema_t *s, const void *rec, uint8_t *out);

/*
 * Fills `gen` and all fields behind the keys; strings point into `body`.
 * Missing fields at the end become zero.  KECS_CORRUPT, or KECS_TOO_NEW when
 * there are fields behind the last one known here (a put would lose them).
 */
kecs_rc_t kecs_head_unpack(const kecs_schema_t *s, kecs_str_t body,
    void *rec);

/* Zeroes everything of a record save kind, scope and key fields. */
void kecs_head_clear(const kecs_schema_t *s, void *rec);

/* Appends scope and key fields of a record to a key. */
void kecs_rec_key(kecs_key_t *k, const kecs_schema_t *s, const void *rec);

/*
 * Sets scope and key fields from a record's key; strings point into it.
 * KECS_CORRUPT when the key is not one of this kind.
 */
kecs_rc_t kecs_rec_of_key(const kecs_schema_t *s, kecs_str_t key, void *rec);

/* Moves the key fields that are strings into the arena. */
kecs_rc_t kecs_rec_own_key(const kecs_schema_t *s, kecs_arena_t *a,
    void *rec);

/* Variable-length numbers; get advances *in, false when malformed. */
uint8_t *kecs_varint_put(uint8_t *p, uint64_t n);
bool kecs_varint_get(kecs_str_t *in, uint64_t *n);

/* The same for strings (absent is kept) and times. */
uint8_t *kecs_varstr_put(uint8_t *p, kecs_str_t s);
bool kecs_varstr_get(kecs_str_t *in, kecs_str_t *s);
uint8_t *kecs_vartime_put(uint8_t *p, kecs_msec_t t);
bool kecs_vartime_get(kecs_str_t *in, kecs_msec_t *t);

#define KECS_VARINT_MAX  10


#endif
