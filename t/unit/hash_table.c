/*
 * The hash table of nodes: what is added is found until it is removed.
 */

#include "../../src/base/hashtab.h"
#include "tap.h"


#define MANY  5000

typedef struct {
    kecs_node_t  node;          /* first */
    unsigned     no;
} item_t;

static item_t  items[MANY];


/* Two items share each hash. */

static uint64_t
hash_of(unsigned no)
{
    unsigned  key;

    key = no / 2;

    return kecs_hashtab_hash(&key, sizeof(key));
}


static item_t *
find(const kecs_hashtab_t *t, unsigned no)
{
    kecs_node_t  *n;

    for (n = kecs_hashtab_find(t, hash_of(no));
         n != NULL;
         n = kecs_hashtab_same(n))
    {
        if (((item_t *) n)->no == no) {
            return (item_t *) n;
        }
    }

    return NULL;
}


int
main(void)
{
    bool            fine;
    unsigned        i;
    kecs_hashtab_t  t;

    memset(&t, 0, sizeof(t));
    tap_ok(find(&t, 1) == NULL, "nothing is in an empty table");
    kecs_hashtab_remove(&t, &items[0].node);

    fine = true;

    for (i = 0; i < MANY; i++) {
        items[i].no = i;
        fine &= kecs_hashtab_add(&t, &items[i].node, hash_of(i)) == KECS_OK;
    }

    tap_ok(fine && t.n == MANY, "many are added");

    for (i = 0; i < MANY; i++) {
        fine &= find(&t, i) == &items[i];
    }

    tap_ok(fine, "each is found");
    tap_ok(find(&t, MANY + 1) == NULL, "others are not");

    for (i = 0; i < MANY; i += 3) {
        kecs_hashtab_remove(&t, &items[i].node);
    }

    for (i = 0; i < MANY; i++) {
        fine &= (find(&t, i) == NULL) == (i % 3 == 0);
    }

    tap_ok(fine, "some are removed, the others stay");
    tap_is_int((int64_t) t.n, MANY - (MANY + 2) / 3, "and are counted");

    kecs_hashtab_free(&t);
    tap_ok(t.n == 0 && find(&t, 1) == NULL, "freed it is empty again");

    return tap_done();
}
