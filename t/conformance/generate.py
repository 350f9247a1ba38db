"""Cases made from the service model that the clients have.

For each operation one good request (world.py) is changed in one place:

    body        no body, no JSON, no object
    type        every JSON type that a member does not take
    required    a required member is missing, or null
    bound       a length, a count or a number beyond its end
    pattern     a character that the pattern leaves out
    enum        a value that the enumeration has not
    unknown     members that the model has not: ignored
    null        members that may be missing, as null: as if missing

What is expected of the first six is an error of 400 with its whole text,
and that nothing has changed.  The text is the form that AWS gives to a
violation of its model (`generic`), save where ECS has a text of its own
(own_texts.py).
"""

import copy
from collections import namedtuple

# `given` is a function of a request: it returns the changed one.
Case = namedtuple("Case", "operation kind where change want place",
                  defaults=(None,))

GOOD = ("unknown", "null")

# JSON types, by which a value is wrong.
SAMPLES = {
    "string": "x", "number": 1, "fraction": 1.5, "true": True,
    "list": [], "object": {},
}
TAKES = {
    "string": {"string"}, "integer": {"number"}, "long": {"number"},
    "double": {"number", "fraction"}, "boolean": {"true"},
    "timestamp": {"number", "fraction"}, "structure": {"object"},
    "list": {"list"}, "map": {"object"},
}
TOKENS = {"string": "STRING_VALUE", "number": "NUMBER_VALUE",
          "fraction": "DECIMAL_VALUE", "true": "TRUE_VALUE"}
NAMES = {"string": "String", "integer": "Integer", "long": "Long",
         "double": "Double", "boolean": "Boolean",
         "timestamp": "milliseconds since epoch"}
CLASSES = {"string": "java.lang.String", "integer": "java.lang.Integer",
           "long": "java.lang.Long", "double": "java.lang.Double",
           "boolean": "java.lang.Boolean", "timestamp": "java.util.Date"}
SERIALIZATION = "SerializationException"
INVALID = "InvalidParameterException"
CLIENT = "ClientException"


def mismatch(wanted, given):
    """AWS's text for a JSON type that is not the member's."""

    if given == "object":
        return "Start of structure or map found where not expected"

    if given == "list":
        return "Unrecognized collection type class " + CLASSES[wanted] \
            if wanted in CLASSES else "Start of list found where not expected"

    if wanted not in NAMES:
        return "Unexpected field type"

    if (wanted, given) == ("boolean", "string"):
        return "Unexpected token received from parser"

    return "%s cannot be converted to %s" % (TOKENS[given], NAMES[wanted])


def kind_of(shape):
    return "document" if shape.metadata.get("document") else shape.type_name


def valid(shape):
    """The least that the model lets pass."""

    kind = kind_of(shape)

    if kind == "structure":
        given = {name: valid(shape.members[name])
                 for name in shape.required_members}

        if getattr(shape, "is_tagged_union", False) and not given:
            name = next(iter(shape.members))
            given[name] = valid(shape.members[name])

        return given

    if kind == "list":
        return [valid(shape.member)] * shape.metadata.get("min", 0)

    if kind == "string":
        return shape.enum[0] if shape.enum \
            else "x" * max(1, shape.metadata.get("min", 1))

    if kind in ("integer", "long"):
        return int(shape.metadata.get("min", 1))

    return {"map": {}, "document": {}, "boolean": True, "double": 1,
            "timestamp": 1}[kind]


class Place:
    """A member, or an element, and the way to it."""

    def __init__(self, shape, up=None, step=None):
        self.shape = shape
        self.up = up
        self.step = step         # a member's name; 0: an element; "": a value
        self.kind = kind_of(shape)

    def path(self):
        return [] if self.up is None else self.up.path() + [self]

    def __str__(self):
        """As AWS's messages have it."""

        said = ""

        for place in self.path():
            if place.up.kind == "list":
                said += ".1.member"
            elif place.up.kind == "map":
                said += ".k"
            else:
                said += ("." if said else "") + place.step

        return said

    def required(self):
        return self.up is not None and self.up.kind == "structure" \
            and self.step in self.up.shape.required_members

    def children(self):
        if self.kind == "structure":
            return [Place(shape, self, name)
                    for name, shape in self.shape.members.items()]

        if self.kind == "list":
            return [Place(self.shape.member, self, 0)]

        if self.kind == "map":
            return [Place(self.shape.value, self, "k")]

        return []

    def walk(self):
        for child in self.children():
            yield child
            yield from child.walk()

    def change(self, request, value, remove=False):
        """A copy of the request with the value in this place."""

        request = copy.deepcopy(request)
        at = request
        path = self.path()

        for place in path[:-1]:
            at = place.enter(at)

        step = path[-1].step

        if remove:
            if step in at:
                del at[step]
        elif isinstance(at, list):
            at[:1] = [value]
        else:
            at[step] = value

        return request

    def enter(self, at):
        """What lies in this place of `at`; made when it is not there."""

        if isinstance(at, list):
            if not at:
                at.append(valid(self.shape))
        elif self.step not in at:
            if self.up.shape.metadata.get("union"):
                at.clear()

            at[self.step] = valid(self.shape)

        return at[self.step]


def shown(place, value):
    """The beginning of a violation."""

    shape = place.shape

    if value is None:
        said = "Value null"
    elif hidden(place) or not isinstance(value, (str, int, float)) \
            or isinstance(value, bool):
        said = "Value"
    else:
        text = str(value)
        said = "Value '%s'" % (text[:256] + "..." if len(text) > 256
                               else text)

    if isinstance(value, list) and place.kind == "list" \
            and shape.member.type_name == "string" and not hidden(place):
        said = "Value '[%s]'" % shown_list(value)

    return "%s at '%s' failed to satisfy constraint: " % (said, place)


def shown_list(value):
    said = ""

    for i, text in enumerate(value):
        said += ", " if i else ""

        if len(said) > 255:
            return said + "..."

        said += text[:256] + ("..." if len(text) > 256 else "")

    return said


def hidden(place):
    return any(p.shape.metadata.get("sensitive") for p in (place,)) \
        or (place.kind == "list"
            and place.shape.member.metadata.get("sensitive"))


def number(n):
    return "%.15g" % n


def constraints(shape):
    """All that the model says of a scalar, in AWS's order and words."""

    said = []
    word = "length" if shape.type_name in ("string", "list", "map") \
        else "value"
    bounds = shape.metadata

    if "max" in bounds:
        said.append("Member must have %s less than or equal to %s"
                    % (word, number(bounds["max"])))

    if "min" in bounds:
        said.append("Member must have %s greater than or equal to %s"
                    % (word, number(bounds["min"])))

    if "pattern" in bounds:
        said.append("Member must satisfy regular expression pattern: "
                    + bounds["pattern"])

    if getattr(shape, "enum", None):
        said.append("Member must satisfy enum value set: [%s]"
                    % ", ".join(shape.enum))

    return said


def violation(place, value, about):
    """The whole generic error; `about` picks the constraint in words."""

    if place.up.kind == "list" and place.kind != "structure":
        said = shown(place.up, [value]) + "Member must satisfy constraint: " \
            "[%s]" % ", ".join(constraints(place.shape))
    else:
        said = shown(place, value) + next(
            c for c in constraints(place.shape) if about in c)

    return INVALID, "1 validation error detected: " + said


def missing(place):
    return INVALID, "1 validation error detected: " + shown(place, None) \
        + "Member must not be null"


def sized(place, n):
    """A value of this length, count or number; None: there is none."""

    if place.kind == "string":
        return "x" * int(n) if n >= 0 else None

    if place.kind == "list":
        return distinct(place.shape.member, int(n)) if n >= 0 else None

    return int(n)


def distinct(shape, n):
    elements = [valid(shape) for _ in range(n)]

    for i, element in enumerate(elements):
        if isinstance(element, dict) and "key" in shape.members:
            element.update(key="k%d" % i, value="v")

    return elements


def body_cases(operation):
    def body(where, text, message):
        return Case(operation, "body", where, lambda _: text,
                    (SERIALIZATION, message))

    yield body("no JSON", b"{", "The request body is not valid JSON.")
    yield body("two values", b"{}{}", "The request body is not valid JSON.")
    yield body("a list", b"[]", mismatch("structure", "list"))
    yield body("a string", b'"x"', mismatch("structure", "string"))
    yield body("a number", b"1", mismatch("structure", "number"))
    yield body("a boolean", b"true", mismatch("structure", "true"))


def type_cases(operation, place):
    for name, sample in SAMPLES.items():
        if name not in TAKES.get(place.kind, {"object"}):
            yield Case(operation, "type", "%s: %s" % (place, name),
                       lambda r, s=sample: place.change(r, s),
                       (SERIALIZATION, mismatch(place.kind, name)), place)


def required_cases(operation, place):
    if place.required():
        for how, remove in (("missing", True), ("null", False)):
            yield Case(operation, "required", "%s: %s" % (place, how),
                       lambda r, x=remove: place.change(r, None, x),
                       missing(place), place)


def bound_cases(operation, place):
    bounds = place.shape.metadata

    for end, step, about in (("min", -1, "greater than"),
                             ("max", 1, "less than")):
        if end not in bounds:
            continue

        value = sized(place, bounds[end] + step)

        if value is None or abs(bounds[end]) >= 2 ** 31 - 1 \
                and place.kind == "integer":
            continue

        yield Case(operation, "bound", "%s: %s %s" % (place, end,
                                                      number(bounds[end])),
                   lambda r, v=value: place.change(r, v),
                   violation(place, value, about), place)


def pattern_cases(operation, place):
    pattern = place.shape.metadata.get("pattern")

    if pattern:
        yield Case(operation, "pattern", str(place),
                   lambda r: place.change(r, "a\u2603;"),
                   violation(place, "a\u2603;", "pattern"), place)


def enum_cases(operation, place):
    if getattr(place.shape, "enum", None):
        yield Case(operation, "enum", str(place),
                   lambda r: place.change(r, "bogus"),
                   violation(place, "bogus", "enum"), place)


def with_unknown(value):
    """Unknown members wherever there is an object of the model."""

    if isinstance(value, dict):
        value = {k: with_unknown(v) for k, v in value.items()}
        value["unknownMember"] = {"a": [1, None, "x"]}
    elif isinstance(value, list):
        value = [with_unknown(v) for v in value]

    return value


def with_null(shape, value):
    """All that may be missing and is not there, as null."""

    if shape.type_name == "structure" and isinstance(value, dict):
        more = {name: None for name in shape.members if name not in value}

        return dict({name: with_null(shape.members[name], v)
                     for name, v in value.items()}, **more)

    if shape.type_name == "list" and isinstance(value, list):
        return [with_null(shape.member, v) for v in value]

    return value


def good_cases(operation, shape):
    def case(kind, change):
        return Case(operation, kind, "everywhere", change, None)

    yield case("unknown", with_unknown)
    yield case("null", lambda r: with_null(shape, r))


def cases(model, operation):
    """All cases of an operation, those that are refused first."""

    shape = model.operation_model(operation).input_shape
    yield from body_cases(operation)

    for place in Place(shape).walk():
        for make in (type_cases, required_cases, bound_cases, pattern_cases,
                     enum_cases):
            yield from make(operation, place)

    yield from good_cases(operation, shape)
