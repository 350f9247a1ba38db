"""A few calls of other AWS services, for suites: Systems Manager, Secrets
Manager, S3, CloudWatch's alarms and Lambda, on loopback.

    fake_aws.py STATE LOG

Prints its port.  STATE is a file of JSON, read anew for every call:

    keys        {key id: {"secret": ..., "token": ...}}; others are refused
    parameters  {name or ARN: value}
    secrets     {id: {stage or version: text}}
    objects     {"BUCKET/KEY": text} of S3
    alarms      {name: members of a MetricAlarm}
    functions   {ARN: [what it returns, the last for ever]}; text stands as
                it is, [status, message] is an error of the invocation
    fail        {operation: [status, code, times]}

Signatures are verified with botocore's own signer.  A line of JSON per call
goes to LOG.
"""

import hashlib
import hmac
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/([^/]+)"
                   r"/aws4_request, *SignedHeaders=([^,]+), *Signature=(\w+)")
INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations$")
STATE, LOG = sys.argv[1:3]
failed = {}
invoked = {}
lock = threading.Lock()


class Refused(Exception):
    """Status, code and message of an error."""


def signature_of(call, body, scope, key):
    key_id, _, region, service, signed, _ = scope
    headers = {n: call.headers[n] for n in signed.split(";")}
    request = AWSRequest(
        method=call.command, data=body, headers=headers,
        url=f"http://{call.headers['host']}{call.path}")
    request.context["timestamp"] = call.headers["x-amz-date"]
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    auth = kind(Credentials(key_id, key["secret"]), service, region)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return auth.signature(text, request)


def verify(call, body, state):
    """Refuses what is not signed as AWS wants it; the scope."""
    match = SCOPE.match(call.headers["authorization"] or "")
    if not match:
        raise Refused(403, "MissingAuthenticationToken", "not signed")
    scope = match.groups()
    key = state["keys"].get(scope[0])
    if key is None:
        raise Refused(403, "UnrecognizedClientException",
                      "The security token included in the request is invalid.")
    signed = scope[4].split(";")
    for name in map(str.lower, call.headers.keys()):
        if name not in signed and (name.startswith("x-amz-")
                                   or name in ("host", "content-type")):
            raise Refused(403, "SignatureDoesNotMatch", f"{name} not signed")
    if not hmac.compare_digest(signature_of(call, body, scope, key),
                               scope[5]):
        raise Refused(403, "SignatureDoesNotMatch", "another signature")
    hashed = call.headers["x-amz-content-sha256"]
    if (scope[3] == "s3" or hashed) and hashed != hashlib.sha256(
            body).hexdigest():
        raise Refused(403, "XAmzContentSHA256Mismatch", "another body")
    if call.headers["x-amz-security-token"] != key.get("token"):
        raise Refused(403, "ExpiredTokenException", "another token")
    return scope


def get_parameters(state, asked):
    if len(asked["Names"]) > 10 or len(set(asked["Names"])) != len(
            asked["Names"]) or asked["WithDecryption"] is not True:
        raise Refused(400, "ValidationException", "names")
    known = state.get("parameters", {})
    return {"Parameters": [{"Name": n.split(":parameter")[-1], "ARN":
                            n if n.startswith("arn:") else "arn:of:" + n,
                            "Type": "SecureString", "Value": known[n]}
                           for n in asked["Names"] if n in known],
            "InvalidParameters": [n for n in asked["Names"]
                                  if n not in known]}


def get_secret_value(state, asked):
    versions = state.get("secrets", {}).get(asked["SecretId"])
    which = asked.get("VersionId") or asked.get("VersionStage", "AWSCURRENT")
    if versions is None or which not in versions:
        raise Refused(400, "ResourceNotFoundException",
                      "Secrets Manager can't find the specified secret.")
    return {"Name": asked["SecretId"], "SecretString": versions[which]}


def describe_alarms(state, asked):
    names = asked["AlarmNames"]
    if not 0 < len(names) <= 100 or len(set(names)) != len(names):
        raise Refused(400, "ValidationError", "names")
    known = state.get("alarms", {})
    return {"MetricAlarms": [dict(known[n], AlarmName=n) for n in names
                             if n in known and "Period" in known[n]],
            "CompositeAlarms": [dict(known[n], AlarmName=n) for n in names
                                if n in known and "Period" not in known[n]]}


def invoke(state, arn):
    answers = state.get("functions", {}).get(arn)
    if answers is None:
        raise Refused(404, "ResourceNotFoundException",
                      "Function not found: " + arn)
    with lock:
        n = invoked[arn] = invoked.get(arn, 0) + 1
    answer = answers[min(n, len(answers)) - 1]
    if isinstance(answer, list):
        raise Refused(answer[0], "ServiceException", answer[1])
    return answer if isinstance(answer, str) else json.dumps(answer)


OPERATIONS = {
    "GraniteServiceVersion20100801.DescribeAlarms": describe_alarms,
    "AmazonSSM.GetParameters": get_parameters,
    "secretsmanager.GetSecretValue": get_secret_value,
}


def fail_as_told(state, operation):
    status, code, times = state.get("fail", {}).get(operation, (0, "", 0))
    failed[operation] = failed.get(operation, 0) + 1
    if failed[operation] <= times:
        raise Refused(status, code, "as told")


def answer(call, state, body, note):
    """The text of the answer."""
    function = INVOKE.match(call.path)
    if function:
        note["operation"] = "Invoke"
        note["function"] = unquote(function[1])
        fail_as_told(state, "Invoke")
        return invoke(state, note["function"])
    operation = note["operation"] = call.headers["x-amz-target"]
    fail_as_told(state, operation)
    return json.dumps(OPERATIONS[operation](state, json.loads(body)))


def get_object(call, state):
    """Likewise, of S3."""
    fail_as_told(state, "s3.GetObject")
    name = unquote(call.path).lstrip("/")
    if name not in state.get("objects", {}):
        raise Refused(404, "NoSuchKey", "The specified key does not exist.")
    return "s3.GetObject", state["objects"][name]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with open(STATE) as f:
            state = json.load(f)
        note = {"path": self.path}
        try:
            note["scope"] = verify(self, b"", state)[:4]
            note["operation"], text = get_object(self, state)
            status = 200
        except Refused as e:
            status, code, message = e.args
            text = ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>"
                    f"<Code>{code}</Code><Message>{message}</Message>"
                    "</Error>")
            note["refused"] = code
        self.finish_with(status, "application/xml", note, text)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with open(STATE) as f:
            state = json.load(f)
        note = {"target": self.headers["x-amz-target"],
                "body": body.decode()}
        try:
            note["scope"] = verify(self, body, state)[:4]
            text = answer(self, state, body, note)
            status = 200
        except Refused as e:
            status, code, message = e.args
            text = json.dumps(
                {"Type": "User", "Message": message} if "function" in note
                else {"__type": "com.example#" + code, "message": message})
            note["refused"] = code
        self.finish_with(status, "application/x-amz-json-1.1", note, text)

    def finish_with(self, status, kind, note, text):
        with lock, open(LOG, "a") as f:
            f.write(json.dumps(note) + "\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
