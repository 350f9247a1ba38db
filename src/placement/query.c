/*
 * The cluster query language (see query.h): a parser by recursive descent
 * and an evaluator over its tree.
 *
 *     or    = and  { ("||" | "or") and }
 *     and   = unary { ("&&" | "and") unary }
 *     unary = ("!" | "not") unary | "(" or ")" | test
 *     test  = subject operator [ argument | "[" argument, ... "]" ]
 *
 * An argument ends at white space, at a connective, or at a ")" that it has
 * not opened; in quotes it may hold anything.  A subject that an instance
 * does not have equals nothing, is in no list and matches no pattern, so
 * the negations of these hold.  Patterns match the whole value.
 */

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>

#include "query.h"


#define DEPTH        32
#define TESTS        100
#define LIST_MAX     100
#define MATCH_STEPS  100000
#define MATCH_KIB    1024

typedef enum { AND, OR, NOT, TEST } type_t;

typedef enum {
    CONNECTED,
    VERSION,
    ATTRIBUTE,
    EC2_ID,
    REGISTERED,
    RUNNING,
    GROUP
} subject_t;

typedef enum { EQUALS, LESS, LESS_EQUAL, EXISTS, IN, MATCHES } op_t;

struct kecs_query_s {
    type_t               type;
    kecs_query_t        *left;
    kecs_query_t        *right;         /* not of NOT */

    subject_t            subject;
    kecs_str_t           name;          /* of an attribute */
    op_t                 op;
    bool                 negated;
    kecs_str_t          *args;
    size_t               n;
    int64_t              number;        /* REGISTERED, RUNNING */
    pcre2_code          *pattern;
    pcre2_match_data    *found;
    pcre2_match_context *limits;
};

typedef struct {
    kecs_arena_t        *arena;
    kecs_str_t           rest;
    unsigned             depth;
    unsigned             tests;
    kecs_str_t          *why;
} parser_t;

#define ORDERED   0x01                  /* has an order, takes no pattern */

static const struct {
    const char  *name;
    unsigned     flags;
    unsigned     needs;
} subjects[] = {
    [CONNECTED] = { "agentConnected", 0, 0 },
    [VERSION] = { "agentVersion", ORDERED, KECS_QUERY_VERSION },
    [ATTRIBUTE] = { "attribute:", 0, KECS_QUERY_ATTRIBUTES },
    [EC2_ID] = { "ec2InstanceId", 0, 0 },
    [REGISTERED] = { "registeredAt", ORDERED, 0 },
    [RUNNING] = { "runningTasksCount", ORDERED, KECS_QUERY_RUNNING },
    [GROUP] = { "task:group", 0, KECS_QUERY_GROUPS }
};

/* Longer signs come before those that they begin with. */

static const struct {
    const char  *name;
    bool         word;
    op_t         op;
    bool         negated;
} operators[] = {
    { "==", false, EQUALS, false },
    { "!=", false, EQUALS, true },
    { "=~", false, MATCHES, false },
    { "!~", false, MATCHES, true },
    { ">=", false, LESS, true },
    { "<=", false, LESS_EQUAL, false },
    { ">", false, LESS_EQUAL, true },
    { "<", false, LESS, false },
    { "!exists", true, EXISTS, true },
    { "!in", true, IN, true },
    { "equals", true, EQUALS, false },
    { "not_equals", true, EQUALS, true },
    { "greater_than_equal", true, LESS, true },
    { "greater_than", true, LESS_EQUAL, true },
    { "less_than_equal", true, LESS_EQUAL, false },
    { "less_than", true, LESS, false },
    { "exists", true, EXISTS, false },
    { "not_exists", true, EXISTS, true },
    { "in", true, IN, false },
    { "not_in", true, IN, true },
    { "matches", true, MATCHES, false },
    { "not_matches", true, MATCHES, true }
};

static kecs_rc_t parse_or(parser_t *p, kecs_query_t **out);


static kecs_rc_t invalid(parser_t *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


static kecs_rc_t
invalid(parser_t *p, const char *fmt, ...)
{
    char     text[256];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    *p->why = kecs_strdup(p->arena, kecs_str_of(text));

    return p->why->data != NULL ? KECS_INVALID : KECS_NOMEM;
}


/* Reading. */

static bool
is_space(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}


static bool
is_word(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-'
           || ch == '.' || ch == ':' || ch == '/' || ch == '\\';
}


static void
skip_space(parser_t *p)
{
    while (p->rest.len != 0 && is_space(p->rest.data[0])) {
        p->rest = kecs_str_from(p->rest, 1);
    }
}


/* Takes `text` when it comes next; a word must end there. */

static bool
take(parser_t *p, const char *text, bool word)
{
    kecs_str_t  s, behind;

    skip_space(p);
    s = kecs_str_of(text);

    if (!kecs_str_starts(p->rest, s)) {
        return false;
    }

    behind = kecs_str_from(p->rest, s.len);

    if (word && behind.len != 0 && is_word(behind.data[0])) {
        return false;
    }

    p->rest = behind;

    return true;
}


static kecs_str_t
take_word(parser_t *p)
{
    size_t      n;
    kecs_str_t  word;

    skip_space(p);

    for (n = 0; n < p->rest.len && is_word(p->rest.data[n]); n++) {
        /* void */
    }

    word = kecs_str_n(p->rest.data, n);
    p->rest = kecs_str_from(p->rest, n);

    return word;
}


static kecs_rc_t
take_quoted(parser_t *p, kecs_str_t *out)
{
    char       quote;
    ptrdiff_t  end;

    quote = p->rest.data[0];
    p->rest = kecs_str_from(p->rest, 1);
    end = kecs_str_chr(p->rest, quote);

    if (end < 0) {
        return invalid(p, "a quotation mark is not closed");
    }

    *out = kecs_str_n(p->rest.data, (size_t) end);
    p->rest = kecs_str_from(p->rest, (size_t) end + 1);

    return KECS_OK;
}


static bool
argument_ends(kecs_str_t rest, unsigned open, bool list)
{
    char  ch;

    ch = rest.data[0];

    return is_space(ch) || (ch == ')' && open == 0)
           || (list && (ch == ',' || ch == ']'))
           || kecs_str_starts(rest, kecs_str("&&"))
           || kecs_str_starts(rest, kecs_str("||"));
}


static kecs_rc_t
take_argument(parser_t *p, bool list, kecs_str_t *out)
{
    size_t    n;
    unsigned  open;

    skip_space(p);

    if (p->rest.len != 0
        && (p->rest.data[0] == '\'' || p->rest.data[0] == '"'))
    {
        return take_quoted(p, out);
    }

    for (n = 0, open = 0; n < p->rest.len; n++) {
        if (argument_ends(kecs_str_from(p->rest, n), open, list)) {
            break;
        }

        open += p->rest.data[n] == '(';
        open -= p->rest.data[n] == ')';
    }

    if (n == 0) {
        return invalid(p, "an argument is missing");
    }

    *out = kecs_str_n(p->rest.data, n);
    p->rest = kecs_str_from(p->rest, n);

    return KECS_OK;
}


static kecs_rc_t
take_list(parser_t *p, kecs_query_t *q)
{
    kecs_rc_t  rc;

    if (!take(p, "[", false)) {
        return invalid(p, "a list in [] is missing");
    }

    do {
        if (q->n == LIST_MAX) {
            return invalid(p, "a list has over %d values", LIST_MAX);
        }

        rc = take_argument(p, true, &q->args[q->n++]);
        if (rc != KECS_OK) {
            return rc;
        }
    } while (take(p, ",", false));

    return take(p, "]", false) ? KECS_OK
                               : invalid(p, "a list is not closed");
}


/* Patterns: all their memory comes from the arena. */

static void *
arena_take(size_t size, void *arena)
{
    return kecs_alloc(arena, size);
}


static void
arena_leave(void *block, void *arena)
{
    (void) block;
    (void) arena;
}


static kecs_rc_t
pattern_compile(parser_t *p, kecs_query_t *q, pcre2_general_context *general)
{
    int                    err;
    size_t                 at;
    pcre2_compile_context  *context;

    context = pcre2_compile_context_create(general);
    q->found = pcre2_match_data_create(1, general);
    q->limits = pcre2_match_context_create(general);

    if (context == NULL || q->found == NULL || q->limits == NULL) {
        return KECS_NOMEM;
    }

    (void) pcre2_set_match_limit(q->limits, MATCH_STEPS);
    (void) pcre2_set_heap_limit(q->limits, MATCH_KIB);

    q->pattern = pcre2_compile((PCRE2_SPTR) q->args[0].data, q->args[0].len,
                               PCRE2_UTF|PCRE2_ANCHORED|PCRE2_ENDANCHORED
                               |PCRE2_NEVER_BACKSLASH_C, &err, &at, context);

    if (q->pattern != NULL) {
        return KECS_OK;
    }

    return err == PCRE2_ERROR_HEAP_FAILED
           ? KECS_NOMEM
           : invalid(p, "'%.*s' is no regular expression",
                     kecs_fmt(q->args[0]));
}


static kecs_rc_t
parse_pattern(parser_t *p, kecs_query_t *q)
{
    pcre2_general_context  *general;

    general = pcre2_general_context_create(arena_take, arena_leave,
                                           p->arena);

    return general != NULL ? pattern_compile(p, q, general) : KECS_NOMEM;
}


/* Numbers and times. */

static kecs_rc_t
parse_time(parser_t *p, kecs_query_t *q)
{
    kecs_str_t  text;

    /* the day alone, without a zone, with one */

    text = q->args[0].len == 10
           ? kecs_sprintf(p->arena, "%.*sT00:00:00Z", kecs_fmt(q->args[0]))
           : q->args[0].len == 19
           ? kecs_sprintf(p->arena, "%.*sZ", kecs_fmt(q->args[0]))
           : q->args[0];

    if (text.data == NULL) {
        return KECS_NOMEM;
    }

    return kecs_time_parse(text, &q->number)
           ? KECS_OK
           : invalid(p, "'%.*s' is no date", kecs_fmt(q->args[0]));
}


static kecs_rc_t
parse_number(parser_t *p, kecs_query_t *q)
{
    uint64_t  n;

    if (!kecs_str_u64(q->args[0], &n) || n > INT64_MAX) {
        return invalid(p, "'%.*s' is no number", kecs_fmt(q->args[0]));
    }

    q->number = (int64_t) n;

    return KECS_OK;
}


/* Tests. */

static kecs_rc_t
parse_subject(parser_t *p, kecs_query_t *q)
{
    size_t      i;
    kecs_str_t  word, name;

    word = take_word(p);

    if (word.len == 0) {
        return invalid(p, "a subject is missing");
    }

    for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        name = kecs_str_of(subjects[i].name);
        q->subject = (subject_t) i;

        if (i == ATTRIBUTE && kecs_str_starts(word, name)
            && word.len > name.len)
        {
            q->name = kecs_str_from(word, name.len);
            return KECS_OK;
        }

        if (i != ATTRIBUTE && kecs_str_eq(word, name)) {
            return KECS_OK;
        }
    }

    return invalid(p, "'%.*s' is no subject", kecs_fmt(word));
}


static kecs_rc_t
parse_operator(parser_t *p, kecs_query_t *q)
{
    bool    ordered, takes;
    size_t  i;

    for (i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (take(p, operators[i].name, operators[i].word)) {
            break;
        }
    }

    if (i == sizeof(operators) / sizeof(operators[0])) {
        return invalid(p, "an operator is missing behind '%s%.*s'",
                       subjects[q->subject].name, kecs_fmt(q->name));
    }

    q->op = operators[i].op;
    q->negated = operators[i].negated;

    ordered = (subjects[q->subject].flags & ORDERED) != 0;
    takes = q->op == EQUALS || q->op == EXISTS || q->subject == ATTRIBUTE
            || ordered == (q->op == LESS || q->op == LESS_EQUAL);

    return takes ? KECS_OK
                 : invalid(p, "'%s' does not take the operator '%s'",
                           subjects[q->subject].name, operators[i].name);
}


static kecs_rc_t
parse_argument(parser_t *p, kecs_query_t *q)
{
    kecs_rc_t  rc;

    if (q->op == EXISTS) {
        return KECS_OK;
    }

    q->args = kecs_calloc(p->arena, q->op == IN ? LIST_MAX : 1,
                          sizeof(kecs_str_t));
    if (q->args == NULL) {
        return KECS_NOMEM;
    }

    if (q->op == IN) {
        return take_list(p, q);
    }

    q->n = 1;
    rc = take_argument(p, false, &q->args[0]);

    if (rc != KECS_OK) {
        return rc;
    }

    if (q->op == MATCHES) {
        return parse_pattern(p, q);
    }

    return q->subject == REGISTERED ? parse_time(p, q)
           : q->subject == RUNNING ? parse_number(p, q)
           : KECS_OK;
}


static kecs_rc_t
parse_test(parser_t *p, kecs_query_t **out)
{
    kecs_rc_t     rc;
    kecs_query_t  *q;

    if (++p->tests > TESTS) {
        return invalid(p, "there are over %d tests", TESTS);
    }

    q = kecs_zalloc(p->arena, sizeof(kecs_query_t));
    if (q == NULL) {
        return KECS_NOMEM;
    }

    q->type = TEST;
    *out = q;
    rc = parse_subject(p, q);

    if (rc == KECS_OK) {
        rc = parse_operator(p, q);
    }

    return rc == KECS_OK ? parse_argument(p, q) : rc;
}


/* Compounds. */

static kecs_rc_t
join(parser_t *p, type_t type, kecs_query_t *left, kecs_query_t *right,
    kecs_query_t **out)
{
    kecs_query_t  *q;

    q = kecs_zalloc(p->arena, sizeof(kecs_query_t));
    if (q == NULL) {
        return KECS_NOMEM;
    }

    q->type = type;
    q->left = left;
    q->right = right;
    *out = q;

    return KECS_OK;
}


static kecs_rc_t
parse_group(parser_t *p, kecs_query_t **out)
{
    kecs_rc_t  rc;

    rc = parse_or(p, out);

    if (rc == KECS_OK && !take(p, ")", false)) {
        return invalid(p, "a parenthesis is not closed");
    }

    return rc;
}


static kecs_rc_t
parse_unary(parser_t *p, kecs_query_t **out)
{
    kecs_rc_t     rc;
    kecs_query_t  *q;

    if (++p->depth > DEPTH) {
        return invalid(p, "it is nested too deeply");
    }

    if (take(p, "!", false) || take(p, "not", true)) {
        rc = parse_unary(p, &q);
        rc = rc == KECS_OK ? join(p, NOT, q, NULL, out) : rc;

    } else if (take(p, "(", false)) {
        rc = parse_group(p, out);

    } else {
        rc = parse_test(p, out);
    }

    p->depth--;

    return rc;
}


static kecs_rc_t
parse_and(parser_t *p, kecs_query_t **out)
{
    kecs_rc_t     rc;
    kecs_query_t  *right;

    rc = parse_unary(p, out);

    while (rc == KECS_OK && (take(p, "&&", false) || take(p, "and", true))) {
        rc = parse_unary(p, &right);
        rc = rc == KECS_OK ? join(p, AND, *out, right, out) : rc;
    }

    return rc;
}


static kecs_rc_t
parse_or(parser_t *p, kecs_query_t **out)
{
    kecs_rc_t     rc;
    kecs_query_t  *right;

    rc = parse_and(p, out);

    while (rc == KECS_OK && (take(p, "||", false) || take(p, "or", true))) {
        rc = parse_and(p, &right);
        rc = rc == KECS_OK ? join(p, OR, *out, right, out) : rc;
    }

    return rc;
}


kecs_rc_t
kecs_query_parse(kecs_arena_t *a, kecs_str_t text, kecs_query_t **out,
    kecs_str_t *why)
{
    parser_t   p;
    kecs_rc_t  rc;

    memset(&p, 0, sizeof(parser_t));
    p.arena = a;
    p.rest = text;
    p.why = why;

    rc = parse_or(&p, out);
    skip_space(&p);

    if (rc == KECS_OK && p.rest.len != 0) {
        return invalid(&p, "'%.*s' is too much", kecs_fmt(p.rest));
    }

    return rc;
}


unsigned
kecs_query_needs(const kecs_query_t *q)
{
    if (q->type == TEST) {
        return subjects[q->subject].needs;
    }

    return kecs_query_needs(q->left)
           | (q->right != NULL ? kecs_query_needs(q->right) : 0);
}


/* Matching. */

/* Numbers within the texts count as numbers: 1.9 comes before 1.14. */

static int
compare_versions(kecs_str_t a, kecs_str_t b)
{
    int         order;
    uint64_t    m, n;
    kecs_str_t  x, y;

    while (a.data != NULL || b.data != NULL) {
        x = kecs_str("0");
        y = x;
        (void) kecs_str_split(&a, '.', &x);
        (void) kecs_str_split(&b, '.', &y);

        order = kecs_str_u64(x, &m) && kecs_str_u64(y, &n)
                ? (m > n) - (m < n) : kecs_str_cmp(x, y);

        if (order != 0) {
            return order;
        }
    }

    return 0;
}


static int
compare_text(kecs_str_t a, kecs_str_t b)
{
    uint64_t  m, n;

    return kecs_str_u64(a, &m) && kecs_str_u64(b, &n)
           ? (m > n) - (m < n) : kecs_str_cmp(a, b);
}


static bool
by_order(op_t op, int order)
{
    return op == EQUALS ? order == 0 : op == LESS ? order < 0 : order <= 0;
}


static kecs_rc_t
match_pattern(const kecs_query_t *q, kecs_str_t value, bool *match)
{
    int  n;

    n = pcre2_match(q->pattern, (PCRE2_SPTR) value.data, value.len, 0, 0,
                    q->found, q->limits);
    *match = n >= 0;

    return n == PCRE2_ERROR_NOMEMORY ? KECS_NOMEM : KECS_OK;
}


/* One value, which is there. */

static kecs_rc_t
match_text(const kecs_query_t *q, kecs_str_t value, bool *match)
{
    size_t  i;

    *match = false;

    switch (q->op) {

    case EXISTS:
        *match = true;
        return KECS_OK;

    case MATCHES:
        return match_pattern(q, value, match);

    case IN:
        for (i = 0; i < q->n && !*match; i++) {
            *match = kecs_str_eq(value, q->args[i]);
        }

        return KECS_OK;

    case EQUALS:
        *match = kecs_str_eq(value, q->args[0]);
        return KECS_OK;

    default:
        *match = by_order(q->op, compare_text(value, q->args[0]));
        return KECS_OK;
    }
}


static kecs_rc_t
match_attribute(const kecs_query_t *q, const kecs_query_instance_t *x,
    bool *match)
{
    size_t      i;
    kecs_str_t  value;

    for (i = 0; i < x->n_attributes; i++) {
        if (!kecs_str_eq(x->attributes[i].name, q->name)) {
            continue;
        }

        value = x->attributes[i].value;

        return match_text(q, value.data != NULL ? value : kecs_str(""),
                          match);
    }

    *match = false;

    return KECS_OK;
}


static kecs_rc_t
match_groups(const kecs_query_t *q, const kecs_query_instance_t *x,
    bool *match)
{
    size_t     i;
    kecs_rc_t  rc;

    *match = false;
    rc = KECS_OK;

    for (i = 0; i < x->n_groups && rc == KECS_OK && !*match; i++) {
        rc = match_text(q, x->groups[i], match);
    }

    return rc;
}


static kecs_rc_t
match_number(const kecs_query_t *q, int64_t value, bool *match)
{
    *match = q->op == EXISTS
             || by_order(q->op, (value > q->number) - (value < q->number));

    return KECS_OK;
}


static kecs_rc_t
match_version(const kecs_query_t *q, kecs_str_t version, bool *match)
{
    *match = version.len != 0
             && (q->op == EXISTS
                 || by_order(q->op, compare_versions(version, q->args[0])));

    return KECS_OK;
}


static kecs_rc_t
match_subject(const kecs_query_t *q, const kecs_query_instance_t *x,
    bool *match)
{
    switch (q->subject) {

    case CONNECTED:
        return match_text(q, x->connected ? kecs_str("true")
                                          : kecs_str("false"), match);

    case VERSION:
        return match_version(q, x->agent_version, match);

    case ATTRIBUTE:
        return match_attribute(q, x, match);

    case EC2_ID:
        *match = false;

        return x->ec2_id.len != 0 ? match_text(q, x->ec2_id, match)
                                  : KECS_OK;

    case REGISTERED:
        return match_number(q, x->registered_at, match);

    case RUNNING:
        return match_number(q, x->running, match);

    case GROUP:
        return match_groups(q, x, match);
    }

    return KECS_INVALID;
}


/* An order between what is not there and anything does not hold. */

static bool
is_there(const kecs_query_t *q, const kecs_query_instance_t *x)
{
    size_t  i;

    if (q->subject == VERSION) {
        return x->agent_version.len != 0;
    }

    for (i = 0; q->subject == ATTRIBUTE && i < x->n_attributes; i++) {
        if (kecs_str_eq(x->attributes[i].name, q->name)) {
            return true;
        }
    }

    return q->subject != ATTRIBUTE;
}


static kecs_rc_t
match_test(const kecs_query_t *q, const kecs_query_instance_t *x, bool *match)
{
    kecs_rc_t  rc;

    rc = match_subject(q, x, match);

    if ((q->op == LESS || q->op == LESS_EQUAL) && !is_there(q, x)) {
        *match = false;

    } else if (q->negated) {
        *match = !*match;
    }

    return rc;
}


kecs_rc_t
kecs_query_match(const kecs_query_t *q, const kecs_query_instance_t *instance,
    bool *match)
{
    kecs_rc_t  rc;

    if (q->type == TEST) {
        return match_test(q, instance, match);
    }

    rc = kecs_query_match(q->left, instance, match);

    if (rc != KECS_OK || q->right == NULL) {
        *match = !*match;
        return rc;
    }

    if (*match == (q->type == OR)) {
        return KECS_OK;
    }

    return kecs_query_match(q->right, instance, match);
}
