/*
 * Messages and frames of streams (see stream_frame.h).
 */

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "stream_frame.h"


#define WS_GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define WS_KEY   24                 /* base64 of 16 bytes */

enum { AT_OPCODE = 0, AT_LENGTH, AT_MASK, AT_PAYLOAD };


/* Server-sent events. */

static void
sse_id(kecs_buf_t *b, uint64_t seq)
{
    kecs_buf_str(b, kecs_str("id: "));
    kecs_buf_u64(b, seq);
    kecs_buf_chr(b, '\n');
}


void
kecs_sse_message(kecs_buf_t *b, kecs_str_t name, uint64_t seq,
    kecs_str_t data)
{
    if (name.data != NULL) {
        kecs_buf_str(b, kecs_str("event: "));
        kecs_buf_str(b, name);
        kecs_buf_chr(b, '\n');
    }

    sse_id(b, seq);
    kecs_buf_str(b, kecs_str("data: "));
    kecs_buf_str(b, data);
    kecs_buf_str(b, kecs_str("\n\n"));
}


void
kecs_sse_beat(kecs_buf_t *b, uint64_t seq)
{
    kecs_buf_str(b, kecs_str(": heartbeat\n"));
    sse_id(b, seq);
    kecs_buf_chr(b, '\n');
}


void
kecs_sse_retry(kecs_buf_t *b, unsigned msec)
{
    kecs_buf_printf(b, "retry: %u\n\n", msec);
}


/* The websocket protocol. */

bool
kecs_ws_accept(kecs_str_t key, char *out)
{
    char     text[WS_KEY + sizeof(WS_GUID)], encoded[KECS_WS_ACCEPT_LEN + 1];
    size_t   i;
    uint8_t  hash[SHA_DIGEST_LENGTH];

    if (key.len != WS_KEY || key.data[WS_KEY - 1] != '='
        || key.data[WS_KEY - 2] != '=')
    {
        return false;
    }

    for (i = 0; i < WS_KEY - 2; i++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789+/", key.data[i])
            == NULL || key.data[i] == '\0')
        {
            return false;
        }
    }

    memcpy(text, key.data, WS_KEY);
    memcpy(text + WS_KEY, WS_GUID, sizeof(WS_GUID) - 1);
    (void) SHA1((const unsigned char *) text, WS_KEY + sizeof(WS_GUID) - 1,
                hash);
    (void) EVP_EncodeBlock((unsigned char *) encoded, hash, sizeof(hash));
    memcpy(out, encoded, KECS_WS_ACCEPT_LEN);

    return true;
}


static void
ws_head(kecs_buf_t *b, unsigned opcode, size_t len)
{
    int  i;

    kecs_buf_chr(b, (char) (0x80 | opcode));

    if (len < 126) {
        kecs_buf_chr(b, (char) len);
        return;
    }

    i = len < 0x10000 ? 1 : 7;
    kecs_buf_chr(b, i == 1 ? 126 : 127);

    for ( /* void */ ; i >= 0; i--) {
        kecs_buf_chr(b, (char) ((uint64_t) len >> (8 * i)));
    }
}


void
kecs_ws_frame(kecs_buf_t *b, unsigned opcode, kecs_str_t payload)
{
    ws_head(b, opcode, payload.len);
    kecs_buf_str(b, payload);
}


void
kecs_ws_close(kecs_buf_t *b, unsigned code, kecs_str_t reason)
{
    if (reason.len > KECS_WS_CONTROL_MAX - 2) {
        reason.len = KECS_WS_CONTROL_MAX - 2;
    }

    ws_head(b, KECS_WS_CLOSE, 2 + reason.len);
    kecs_buf_chr(b, (char) (code >> 8));
    kecs_buf_chr(b, (char) code);
    kecs_buf_str(b, reason);
}


void
kecs_ws_message(kecs_buf_t *b, const char *name, uint64_t seq,
    kecs_str_t json)
{
    char    head[64];
    size_t  len;
    int     n;

    n = name == NULL
        ? snprintf(head, sizeof(head), "{\"seq\":%" PRIu64 "}", seq)
        : snprintf(head, sizeof(head), "{\"seq\":%" PRIu64 ",\"%.16s\":", seq,
                   name);
    len = (size_t) n;

    if (name == NULL) {
        kecs_ws_frame(b, KECS_WS_TEXT, kecs_str_n(head, len));
        return;
    }

    ws_head(b, KECS_WS_TEXT, len + json.len + 1);
    kecs_buf_add(b, head, len);
    kecs_buf_str(b, json);
    kecs_buf_chr(b, '}');
}


/* The reader. */

static kecs_ws_read_t
refuse(unsigned *code, unsigned with)
{
    *code = with;

    return KECS_WS_REFUSE;
}


/* Only whole control frames; data is refused as soon as it is seen. */

static kecs_ws_read_t
read_opcode(kecs_ws_reader_t *r, uint8_t c, unsigned *code)
{
    r->opcode = c & 0x0f;

    if (c & 0x70) {
        return refuse(code, KECS_WS_PROTOCOL);
    }

    if (r->opcode == KECS_WS_TEXT) {
        return refuse(code, KECS_WS_POLICY);
    }

    if (r->opcode == KECS_WS_BINARY) {
        return refuse(code, KECS_WS_UNSUPPORTED);
    }

    if (!(c & 0x80) || r->opcode < KECS_WS_CLOSE || r->opcode > KECS_WS_PONG)
    {
        return refuse(code, KECS_WS_PROTOCOL);
    }

    r->state = AT_LENGTH;

    return KECS_WS_MORE;
}


static kecs_ws_read_t
read_length(kecs_ws_reader_t *r, uint8_t c, unsigned *code)
{
    if (!(c & 0x80) || (c & 0x7f) > KECS_WS_CONTROL_MAX) {
        return refuse(code, KECS_WS_PROTOCOL);
    }

    r->want = c & 0x7f;
    r->got = 0;
    r->state = AT_MASK;

    return KECS_WS_MORE;
}


static kecs_ws_read_t
read_byte(kecs_ws_reader_t *r, uint8_t c, unsigned *code)
{
    switch (r->state) {

    case AT_OPCODE:
        return read_opcode(r, c, code);

    case AT_LENGTH:
        return read_length(r, c, code);

    case AT_MASK:
        r->mask[r->got++] = c;

        if (r->got == sizeof(r->mask)) {
            r->got = 0;
            r->state = AT_PAYLOAD;
        }

        break;

    default:
        r->payload[r->got] = c ^ r->mask[r->got % sizeof(r->mask)];
        r->got++;
    }

    if (r->state == AT_PAYLOAD && r->got == r->want) {
        r->state = AT_OPCODE;
        return KECS_WS_CONTROL;
    }

    return KECS_WS_MORE;
}


kecs_ws_read_t
kecs_ws_read(kecs_ws_reader_t *r, kecs_str_t *in, unsigned *code)
{
    uint8_t         c;
    kecs_ws_read_t  rc;

    while (in->len != 0) {
        c = (uint8_t) in->data[0];
        *in = kecs_str_from(*in, 1);
        rc = read_byte(r, c, code);

        if (rc != KECS_WS_MORE) {
            return rc;
        }
    }

    return KECS_WS_MORE;
}


unsigned
kecs_ws_close_code(const kecs_ws_reader_t *r)
{
    unsigned  code;

    if (r->got == 0) {
        return KECS_WS_NORMAL;
    }

    if (r->got == 1) {
        return KECS_WS_PROTOCOL;
    }

    code = (unsigned) r->payload[0] << 8 | r->payload[1];

    if (code < 1000 || (code >= 1004 && code <= 1006)
        || (code >= 1015 && code < 3000) || code >= 5000)
    {
        return KECS_WS_PROTOCOL;
    }

    return kecs_str_utf8(kecs_str_n(r->payload + 2, r->got - 2))
           ? code : KECS_WS_NOT_UTF8;
}
