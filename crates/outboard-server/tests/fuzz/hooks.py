"""What the fuzzer knows about the server that the document does not say.

Half of the names in paths become names of things that are there, so that requests get
past the question whether there is such a thing. Which half depends on the case alone, so
the same seed makes the same requests. Nothing is asked that never ends, and nothing that
takes the plugins away for good.
"""

import hashlib

import schemathesis

PLUGIN = ["kitchen"]
CONNECTOR = ["waiter"]
THERE = {
    ("plugins", "name"): PLUGIN,
    ("pipelines", "name"): ["echo", "stop"],
    ("connectors", "key"): CONNECTOR,
    ("tools", "key"): CONNECTOR,
    ("jobs", "key"): CONNECTOR,
    ("manager", "key"): CONNECTOR,
    ("operation",): ["order", "menu", "smash", "fail", "weigh"],
    ("instance",): ["default"],
}
# They would leave little to ask; the other tests ask them.
GENTLE = {"unloadPlugin", "removeConnector", "removeTool", "removeJob", "managerRemove"}


def digest(case):
    parts = [case.operation.label, repr(case.path_parameters), repr(case.query), repr(case.body)]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).digest()


@schemathesis.hook
def before_call(context, case, kwargs):
    drawn = digest(case)
    definition = case.operation.definition.raw
    tag = definition["tags"][0]
    for index, name in enumerate(sorted(case.path_parameters or {})):
        there = THERE.get((tag, name)) or THERE.get((name,))
        if definition["operationId"] in GENTLE:
            # The fuzzer remembers names that it saw in answers.
            if case.path_parameters[name] in (there or ()):
                case.path_parameters[name] = "nobody"
        elif there and drawn[index] % 2 == 0:
            case.path_parameters[name] = there[drawn[-index - 1] % len(there)]
    # A stream of a log has no end.
    if case.query and "follow" in case.query:
        del case.query["follow"]
