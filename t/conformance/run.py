#!/usr/bin/env python3
"""The API against the service model and against what ECS is known to do.

    run.py PORT < commands > TAP

Cases come from the model that the clients have (generate.py), from the
limits of the documentation (limits.py) and from tables written by hand
(behaviour.py).  What needs the harness is asked for
by a line of its own, "do: reload" or "do: reconciler"; a line comes back
when it is done.

Until the reconciler runs nothing but these requests changes the store, so
after each refusal the log must stand where it stood.
"""

import itertools
import os
import sys

import botocore.session

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "clients"))

import behaviour
import generate
import limits
from answer_check import AnswerCheck
from around import around
from own_texts import own
from tap import Tap
from wire import Wire
from world import NEVER, Refused, World, requests

NESTED = ("required", "bound", "pattern", "enum")


class Run:
    def __init__(self, port):
        session = botocore.session.get_session()
        self.model = session.get_service_model("ecs")
        self.answers = AnswerCheck(self.model)
        self.wire = Wire(port)
        self.tap = Tap()
        self.cases = 0
        self.failed = 0
        self.answered = set()    # operations that were answered with 200

    def ask(self, what):
        self.wire.close()
        print("do: " + what, flush=True)
        self.tap.ok(sys.stdin.readline() == "done\n", what)

    def fits(self, operation, answer):
        """What is wrong with an answer, whatever was asked."""

        wrong = []
        headers = answer.headers

        if headers.get("content-type") != "application/x-amz-json-1.1":
            wrong.append("content-type %r" % headers.get("content-type"))

        if len(headers.get("x-amzn-requestid", "")) != 36:
            wrong.append("no request id")

        if not isinstance(answer.json, dict):
            wrong.append("no JSON object")
        elif answer.status == 200:
            wrong += self.answers.check(operation, answer.json)
            self.answered.add(operation)

        return wrong

    def refusal(self, world, operation, given, want):
        """What is wrong with an answer that is to be this error."""

        before = world.wire.position()
        answer = world.call(operation, given)
        wrong = self.fits(operation, answer)
        told = {"__type": want[0], "message": want[1]}

        if (answer.status, answer.json) != (400, told):
            wrong.append("got  %r\nwant 400 %r" % (answer, told))

        if world.wire.position() != before:
            wrong.append("something has changed")

        return wrong

    def success(self, world, operation, given):
        answer = world.call(operation, given)
        wrong = self.fits(operation, answer)

        if (answer.error, answer.message) == NEVER.get(operation):
            return wrong

        if answer.status != 200:
            wrong.append("got  %r" % answer)

        return wrong

    # Cases of the model.

    def generated(self, operation):
        """All cases of an operation, told by kind."""

        world = World(self.wire)
        bases = {None: requests[operation](world)}
        kinds = {}

        for case in itertools.chain(limits.cases(self.model, operation),
                                    generate.cases(self.model, operation)):
            wrong = self.one(world, bases, own(case))
            count, failures = kinds.setdefault(case.kind, [0, []])
            kinds[case.kind][0] = count + 1

            if wrong:
                failures.append("%s\n%s" % (case.where, "\n".join(wrong)))

        kinds["no body"] = [1, self.empty(operation)]

        for kind, (count, failures) in kinds.items():
            self.cases += count
            self.failed += len(failures)
            self.tap.ok(not failures, "%s: %d of %s" % (operation, count,
                                                        kind),
                        "\n".join(failures[:5]))

    def one(self, world, bases, case):
        operation = case.operation

        if case.kind in generate.GOOD:
            world = World(self.wire)
            given = case.change(requests[operation](world))

            return self.success(world, operation, given)

        row = around(operation, case.where) if case.kind in NESTED else None

        if row not in bases:
            over = dict(bases[None], **row[2](world))
            bases[row] = {k: v for k, v in over.items() if v is not None}

        given = case.change(bases[row])

        if case.want is None:
            return self.success(world, operation, given)

        return self.refusal(world, operation, given, case.want)

    def empty(self, operation):
        """No body, blanks and {} are the same request."""

        said = []

        for body in b"{}", b"", b" \r\n":
            answer = World(self.wire).call(operation, body)
            said.append((answer.status, answer.error, answer.message))

        return [] if said.count(said[0]) == 3 else [repr(said)]

    def all_generated(self):
        names = list(self.model.operation_names)

        for i, operation in enumerate(names):
            if i == len(names) // 2:
                self.ask("reload")

            try:
                self.generated(operation)
            except Refused as e:
                self.tap.ok(False, "%s: a good request" % operation, e)

    # Cases written by hand.

    def behaviour(self, row):
        world = World(self.wire)
        self.cases += 1

        try:
            wrong = row.play(world, self)
        except Refused as e:
            wrong = [str(e)]

        self.failed += bool(wrong)
        self.tap.ok(not wrong, "%s: %s" % (row.operation, row.title),
                    "\n".join(wrong))

    def all_behaviour(self):
        half = len(behaviour.rows) // 2

        for i, row in enumerate(behaviour.rows):
            if i == half:
                self.ask("reload")

            self.behaviour(row)

    def end(self):
        names = set(self.model.operation_names)
        self.tap.same(sorted(names - self.answered - set(NEVER)), [],
                      "every operation has been answered")
        self.tap.same(sorted(names - {r.operation for r in behaviour.rows}),
                      [], "every operation has cases written by hand")
        print("# %d operations, %d cases, %d failures, %d members seen in"
              " %d calls" % (len(names), self.cases, self.failed,
                             len(self.answers.members), self.wire.calls))

        return self.tap.end()


def main():
    run = Run(int(sys.argv[1]))

    if "KECS_CONFORMANCE_ACCOUNTS" in os.environ:
        World.accounts = itertools.count(
            int(os.environ["KECS_CONFORMANCE_ACCOUNTS"]))

    run.all_generated()
    run.ask("reconciler")
    run.all_behaviour()

    return run.end()


if __name__ == "__main__":
    sys.exit(main())
