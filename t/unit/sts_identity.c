/*
 * The query protocol and STS: forms taken apart, text within XML, and the
 * answers of GetCallerIdentity.
 */

#include "../../src/sts/sts.h"
#include "tap.h"


static kecs_arena_t  *arena;


static void
is_param(const char *form, const char *name, const char *want)
{
    kecs_str_t  value;

    tap_is_int(kecs_form_get(arena, kecs_str_of(form), name, &value),
               KECS_OK, "%s", form);

    if (want == NULL) {
        tap_ok(value.data == NULL, "%s has no %s", form, name);
        return;
    }

    tap_is_str(value, want, "%s of %s", name, form);
}


static void
test_form(void)
{
    kecs_str_t  value;

    is_param("Action=A&Version=2011", "Action", "A");
    is_param("Action=A&Version=2011", "Version", "2011");
    is_param("Action=A", "Version", NULL);
    is_param("", "Action", NULL);
    is_param("Action", "Action", "");
    is_param("Action=", "Action", "");
    is_param("Action=a+b%2Fc%20d", "Action", "a b/c d");
    is_param("Action=%zz%4", "Action", "%zz%4");
    is_param("%41ction=x", "Action", "x");
    is_param("Action=1&Action=2", "Action", "1");
    is_param("&&=&Action=1", "Action", "1");
    is_param("Actions=1&XAction=2", "Action", NULL);

    kecs_arena_fail_after(arena, 1);
    tap_is_int(kecs_form_get(arena, kecs_str("Action=A"), "Action", &value),
               KECS_NOMEM, "no memory");
    kecs_arena_fail_after(arena, 0);
}


static void
test_xml(void)
{
    kecs_buf_t  b;

    kecs_buf_init(&b, arena, 0);
    kecs_xml_element(&b, 1, "E",
                     kecs_str("a<b>&\"c\" \xc3\xbc\t\x01\xff\xc3"
                              "\xef\xbf\xbf\xf0\x9f\x98\x80"));
    tap_is_str(kecs_buf_view(&b), "  <E>a&lt;b&gt;&amp;&quot;c&quot;"
               " \xc3\xbc\t???" "???" "\xf0\x9f\x98\x80</E>\n",
               "text within XML");
}


static void
is_answer(const kecs_sts_call_t *c, unsigned status, const char *want,
    const char *what)
{
    kecs_buf_t  b;

    kecs_buf_init(&b, arena, 0);
    tap_is_int(kecs_sts_answer(c, &b), status, "%s: status", what);
    tap_is_str(kecs_buf_view(&b), want, "%s", what);
}


static void
test_sts(void)
{
    kecs_sts_call_t  c;

    memset(&c, 0, sizeof(c));
    c.account = kecs_str("123456789012");
    c.principal = kecs_str("arn:aws:iam::123456789012:root");
    c.request_id = kecs_str("r-1");
    c.action = kecs_str("GetCallerIdentity");
    c.version = kecs_str("2011-06-15");

    is_answer(&c, 200,
              "<GetCallerIdentityResponse"
              " xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
              "  <GetCallerIdentityResult>\n"
              "    <Arn>arn:aws:iam::123456789012:root</Arn>\n"
              "    <UserId>123456789012</UserId>\n"
              "    <Account>123456789012</Account>\n"
              "  </GetCallerIdentityResult>\n"
              "  <ResponseMetadata>\n"
              "    <RequestId>r-1</RequestId>\n"
              "  </ResponseMetadata>\n"
              "</GetCallerIdentityResponse>\n", "GetCallerIdentity");

    c.action = kecs_str("Assume<Role");
    is_answer(&c, 400,
              "<ErrorResponse"
              " xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
              "  <Error>\n"
              "    <Type>Sender</Type>\n"
              "    <Code>InvalidAction</Code>\n"
              "    <Message>Could not find operation Assume&lt;Role for"
              " version 2011-06-15</Message>\n"
              "  </Error>\n"
              "  <RequestId>r-1</RequestId>\n"
              "</ErrorResponse>\n", "an operation that is not there");

    c.action = kecs_null_str;
    is_answer(&c, 400,
              "<ErrorResponse"
              " xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
              "  <Error>\n"
              "    <Type>Sender</Type>\n"
              "    <Code>MissingAction</Code>\n"
              "    <Message>The request must contain the parameter"
              " Action.</Message>\n"
              "  </Error>\n"
              "  <RequestId>r-1</RequestId>\n"
              "</ErrorResponse>\n", "no operation");
}


int
main(void)
{
    arena = kecs_arena_create(0);

    test_form();
    test_xml();
    test_sts();

    kecs_arena_destroy(arena);

    return tap_done();
}
