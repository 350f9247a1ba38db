"""Answers against the output shapes of the service model.

More strictly than botocore does it: no member that the model has not, none
that is null, the right JSON types, required members, the values of
enumerations, times of at most milliseconds.

    check = AnswerCheck(botocore's service model)
    wrong = check.check("ListClusters", {"clusterArns": []})
"""

# What AWS itself sends beside the model.
EXTRA = {
    ("CreateCluster", "clusterCount"), ("DeleteCluster", "clusterCount"),
    ("DeregisterTaskDefinition", "taskDefinition.previousStatus"),
}

NUMBERS = (int, float)


class AnswerCheck:
    def __init__(self, model):
        self.model = model
        self.members = set()     # (shape, name) of all that was seen

    def check(self, operation, answer):
        """What is wrong with it, as a list of texts."""

        wrong = []
        self.value(operation,
                   self.model.operation_model(operation).output_shape,
                   answer, "", wrong)

        return wrong

    def value(self, operation, shape, value, path, wrong):
        if value is None:
            wrong.append("%s is null" % path)
            return

        getattr(self, "check_" + shape.type_name)(operation, shape, value,
                                                  path, wrong)

    def check_structure(self, operation, shape, value, path, wrong):
        if not isinstance(value, dict):
            wrong.append("%s: no object: %r" % (path, value))
            return

        if shape.metadata.get("document"):
            return

        for name in shape.required_members:
            if name not in value:
                wrong.append("%s: no %s" % (path, name))

        for name, member in value.items():
            where = path + "." + name if path else name

            if name in shape.members:
                self.members.add((shape.name, name))
                self.value(operation, shape.members[name], member, where,
                           wrong)
            elif (operation, where) not in EXTRA:
                wrong.append("%s: not in %s" % (where, shape.name))

    def check_list(self, operation, shape, value, path, wrong):
        if not isinstance(value, list):
            wrong.append("%s: no list: %r" % (path, value))
            return

        for i, element in enumerate(value):
            self.value(operation, shape.member, element,
                       "%s[%d]" % (path, i), wrong)

    def check_map(self, operation, shape, value, path, wrong):
        if not isinstance(value, dict):
            wrong.append("%s: no map: %r" % (path, value))
            return

        for name, element in value.items():
            self.value(operation, shape.value, element,
                       "%s.%s" % (path, name), wrong)

    def check_string(self, operation, shape, value, path, wrong):
        values = getattr(shape, "enum", None)

        if not isinstance(value, str):
            wrong.append("%s: no string: %r" % (path, value))
        elif values and value not in values:
            wrong.append("%s: %r is none of %r" % (path, value, values))

    def check_boolean(self, operation, shape, value, path, wrong):
        if not isinstance(value, bool):
            wrong.append("%s: no boolean: %r" % (path, value))

    def check_integer(self, operation, shape, value, path, wrong):
        if not isinstance(value, int) or isinstance(value, bool):
            wrong.append("%s: no integer: %r" % (path, value))

    check_long = check_integer

    def check_double(self, operation, shape, value, path, wrong):
        if not isinstance(value, NUMBERS) or isinstance(value, bool):
            wrong.append("%s: no number: %r" % (path, value))

    check_float = check_double

    def check_timestamp(self, operation, shape, value, path, wrong):
        self.check_double(operation, shape, value, path, wrong)

        if not isinstance(value, NUMBERS):
            return

        if not 1.7e9 < value < 4e9:
            wrong.append("%s: no epoch seconds: %r" % (path, value))

        if abs(value * 1000 - round(value * 1000)) > 0.01:
            wrong.append("%s: more than milliseconds: %r" % (path, value))
