"""One keep-alive connection to the API, without botocore between.

    wire = Wire(port)
    answer = wire.call("ListClusters", {"maxResults": 1})
    answer.status, answer.json, answer.error, answer.message

Requests carry no signature; account and region are those of the Credential
that they name, so that every case can have a world of its own.
"""

import http.client
import json
import socket

TARGET = "AmazonEC2ContainerServiceV20141113."


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = None

    @property
    def error(self):
        return (self.json or {}).get("__type") if self.status != 200 else None

    @property
    def message(self):
        return (self.json or {}).get("message")

    def __repr__(self):
        return "%d %s" % (self.status, self.body.decode("utf-8", "replace"))


class Wire:
    def __init__(self, port):
        self.port = port
        self.connection = None
        self.calls = 0

    def connect(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                     timeout=60)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP,
                                        socket.TCP_NODELAY, 1)

    def call(self, operation, given, account="000000000000",
             region="us-east-1"):
        """`given` is data, or the bytes of the body."""

        body = given if isinstance(given, bytes) \
            else json.dumps(given).encode()
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": TARGET + operation,
            "Authorization": "AWS4-HMAC-SHA256 Credential=%s/20261121/%s/ecs"
                             "/aws4_request, SignedHeaders=host, Signature=00"
                             % (account, region),
        }
        self.calls += 1

        if self.connection is None:
            self.connect()

        self.connection.request("POST", "/", body, headers)
        response = self.connection.getresponse()
        answer = Answer(response.status,
                        {k.lower(): v for k, v in response.getheaders()},
                        response.read())

        # a worker that shuts down says so; the next call goes to another

        if response.will_close:
            self.close()

        return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def position(self):
        """The log's last position: it moves with every change."""

        answer = self.call("ListClusters", {"maxResults": 1})

        return int(answer.headers["x-kecs-sequence"])
