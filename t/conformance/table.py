"""How the tables of behaviour are written.

    answers("CreateCluster", "without a name it is default", {},
            {"cluster.clusterName": "default", "cluster.tags": []})
    refuses("DeleteCluster", "an unknown one", {"cluster": "none"},
            "ClusterNotFoundException", "Cluster not found.")

The request may be a function of a world (world.py) that makes what is given
and returns the request; so may what is expected.  A path leads through
members and, as numbers, elements; `len` is a list's length.  Expected are a
value, ABSENT, a type, or a function that says whether the value is right;
of a refusal the class and the message.  `then` is a call that follows,
with what it is to show: (operation, request or function of (world, answer),
expected).
"""

import re

ABSENT = object()
rows = []


def at(value, path):
    for step in path.split("."):
        if step == "len" and isinstance(value, list):
            value = len(value)
        elif isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else ABSENT
        elif isinstance(value, dict):
            value = value.get(step, ABSENT)
        else:
            return ABSENT

    return value


def like(pattern):
    return lambda value: isinstance(value, str) \
        and re.fullmatch(pattern, value)


def right(value, want):
    if want is ABSENT or value is ABSENT:
        return value is want

    if isinstance(want, type):
        return isinstance(value, want)

    return want(value) if callable(want) else value == want


def differences(answer, expected):
    return ["%s: %r, want %r" % (path, value, want)
            for path, want in expected.items()
            for value in (at(answer, path),) if not right(value, want)]


def made(value, *given):
    return value(*given) if callable(value) else value


class Row:
    def __init__(self, operation, title, request, want, then=None):
        self.operation = operation
        self.title = title
        self.request = request
        self.want = want
        self.then = then
        rows.append(self)

    def play(self, world, run):
        """What is wrong, as a list of texts."""

        request = made(self.request, world)
        answer = world.call(self.operation, request)
        wrong = run.fits(self.operation, answer)

        return (wrong + self.judge(world, run, answer)
                or self.follow(world, run, answer))

    def follow(self, world, run, answer):
        if self.then is None:
            return []

        operation, request, want = self.then
        request = request(world, answer.json) if callable(request) \
            else request
        after = world.call(operation, request)

        if after.status != 200:
            return ["then %s: %r" % (operation, after)]

        return run.fits(operation, after) + [
            "then %s: %s" % (operation, w)
            for w in differences(after.json, made(want, world))]


class Answers(Row):
    def judge(self, world, run, answer):
        if answer.status != 200:
            return ["got  %r" % answer]

        return differences(answer.json, made(self.want, world))


class Refuses(Row):
    def judge(self, world, run, answer):
        want = made(self.want, world)
        told = dict({"__type": None}, **answer.json or {})
        message = ABSENT if want[1] is None else want[1]

        if (answer.status, told["__type"]) == (400, want[0]) \
                and right(told.get("message", ABSENT), message):
            return []

        return ["got  %r\nwant 400 %s" % (answer, want)]


def answers(operation, title, request, want, then=None):
    Answers(operation, title, request, want, then)


def refuses(operation, title, request, error, message, then=None):
    """The message is a text, a function of it, or None: there is none."""

    Refuses(operation, title, request, (error, message), then)
