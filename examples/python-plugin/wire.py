"""The messages of the workflow family, and the three that go-plugin needs.

The protobuf package can build messages from a description at run time, so
nothing is generated and any version of it from 4 on will do. Each line below is
a field: number, name, type. What is not listed (typed contracts, callbacks) is
skipped when it arrives, as protobuf does with fields that a reader does not know.
"""

import types

from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2, json_format, message_factory, struct_pb2

STRUCT = ".google.protobuf.Struct"

WORKFLOW = {
    "Manifest": [(1, "name", "string"), (2, "version", "string"), (3, "author", "string"), (4, "description", "string")],
    "TypeList": [(1, "types", "repeated string")],
    # This plugin has no modules, so it never sends a schema.
    "ModuleSchemaList": [],
    "CreateModuleRequest": [(1, "type", "string"), (2, "name", "string"), (3, "config", STRUCT)],
    "CreateStepRequest": [(1, "type", "string"), (2, "name", "string"), (3, "config", STRUCT)],
    "HandleResponse": [(1, "handle_id", "string"), (2, "error", "string")],
    "HandleRequest": [(1, "handle_id", "string")],
    "ErrorResponse": [(1, "error", "string")],
    "ExecuteStepRequest": [
        (1, "handle_id", "string"),
        (2, "trigger_data", STRUCT),
        # 3, step_outputs, is a map that this plugin has no use for.
        (4, "current", STRUCT),
        (5, "metadata", STRUCT),
    ],
    "ExecuteStepResponse": [(1, "output", STRUCT), (2, "error", "string"), (3, "stop_pipeline", "bool")],
}

HEALTH = {
    "HealthCheckRequest": [(1, "service", "string")],
    # An enum on the wire is an integer; 1 is SERVING.
    "HealthCheckResponse": [(1, "status", "int32")],
}

SCALARS = {
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "uint32": descriptor_pb2.FieldDescriptorProto.TYPE_UINT32,
}


def messages(package, table):
    """Makes a class for every message of the table."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    file.dependency.append(struct_pb2.DESCRIPTOR.name)
    for message_name, fields in table.items():
        message = file.message_type.add(name=message_name)
        for number, name, kind in fields:
            repeated, kind = kind.startswith("repeated "), kind.removeprefix("repeated ")
            field = message.field.add(name=name, number=number)
            field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            if kind in SCALARS:
                field.type = SCALARS[kind]
            else:
                field.type, field.type_name = field.TYPE_MESSAGE, kind
    pool = descriptor_pool.Default()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in table}


#: The classes: `workflow.Manifest(name="x")`.
workflow = types.SimpleNamespace(**messages("workflow.plugin.v1", WORKFLOW))
health = types.SimpleNamespace(**messages("grpc.health.v1", HEALTH))
Empty = empty_pb2.Empty

SERVICE = "workflow.plugin.v1.PluginService"

#: Method: what it takes, what it gives.
METHODS = {
    "GetManifest": (Empty, workflow.Manifest),
    "GetModuleTypes": (Empty, workflow.TypeList),
    "GetStepTypes": (Empty, workflow.TypeList),
    "GetTriggerTypes": (Empty, workflow.TypeList),
    "GetModuleSchemas": (Empty, workflow.ModuleSchemaList),
    "CreateModule": (workflow.CreateModuleRequest, workflow.HandleResponse),
    "InitModule": (workflow.HandleRequest, workflow.ErrorResponse),
    "StartModule": (workflow.HandleRequest, workflow.ErrorResponse),
    "StopModule": (workflow.HandleRequest, workflow.ErrorResponse),
    "DestroyModule": (workflow.HandleRequest, workflow.ErrorResponse),
    "CreateStep": (workflow.CreateStepRequest, workflow.HandleResponse),
    "ExecuteStep": (workflow.ExecuteStepRequest, workflow.ExecuteStepResponse),
    "DestroyStep": (workflow.HandleRequest, workflow.ErrorResponse),
}


def to_dict(struct):
    """A Struct as a dict. The wire has one kind of number, so whole ones come back as int."""
    return _whole(json_format.MessageToDict(struct))


def _whole(value):
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    return value


def to_struct(values):
    """A dict as a Struct."""
    return json_format.ParseDict(values, struct_pb2.Struct())
