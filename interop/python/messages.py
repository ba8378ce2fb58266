"""The messages and services of the matrix, in the form of the example's wire.py."""

import types

import grpc

import wire
from wire import Empty

test = types.SimpleNamespace(
    **wire.messages(
        "grpctest",
        {
            "TestRequest": [(1, "Input", "int32")],
            "TestResponse": [(2, "Output", "int32")],
            # The last two are a choice, of which the reader takes what is not empty.
            "PrintKVRequest": [(1, "Key", "string"), (2, "ValueString", "string"), (3, "ValueInt", "int32")],
            "PrintKVResponse": [],
            "BidirectionalRequest": [(1, "id", "uint32")],
            "BidirectionalResponse": [(1, "id", "uint32")],
            "PrintStdioRequest": [(1, "stdout", "bytes"), (2, "stderr", "bytes")],
            "PingRequest": [],
            "PongResponse": [(1, "msg", "string")],
        },
    )
)

peer = types.SimpleNamespace(
    **wire.messages(
        "outboard.interop.v1",
        {
            "PutRequest": [(1, "key", "string"), (2, "value", "bytes")],
            "PutResponse": [],
            "GetRequest": [(1, "key", "string")],
            "GetResponse": [(1, "value", "bytes"), (2, "version", "uint32")],
            "EchoRequest": [(1, "data", "bytes"), (2, "answer_bytes", "uint32"), (3, "refuse", "bool")],
            "EchoResponse": [(1, "data", "bytes"), (2, "got_bytes", "uint32")],
            "HangRequest": [(1, "name", "string")],
            "HangResponse": [],
            "HungResponse": [(1, "begun", "bool"), (2, "cancelled", "bool")],
            "CallBackRequest": [(1, "ids", "repeated uint32"), (2, "wait_ms", "uint32")],
            "CallBackResponse": [(1, "answers", "uint32"), (2, "error", "string")],
            "OfferRequest": [(1, "count", "uint32"), (2, "wait_ms", "uint32")],
            "OfferResponse": [(1, "ids", "repeated uint32")],
            "DisconnectRequest": [(1, "address", "string")],
            "DisconnectResponse": [],
        },
    )
)

plugin = types.SimpleNamespace(
    **wire.messages(
        "plugin",
        {
            # Field 4 is for multiplexing, which this plugin does not do.
            "ConnInfo": [(1, "service_id", "uint32"), (2, "network", "string"), (3, "address", "string")],
            "StdioData": [(1, "channel", "int32"), (2, "data", "bytes")],
        },
    )
)

#: Method: what it takes, what it gives, and how many of each.
UNARY, ANSWERS, BOTH = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler, grpc.stream_stream_rpc_method_handler

HEALTH_METHODS = {"Check": (wire.health.HealthCheckRequest, wire.health.HealthCheckResponse)}
CONTROLLER_METHODS = {"Shutdown": (Empty, Empty)}
STDIO_METHODS = {"StreamStdio": (Empty, plugin.StdioData, ANSWERS)}
BROKER_METHODS = {"StartStream": (plugin.ConnInfo, plugin.ConnInfo, BOTH)}
TEST_METHODS = {
    "Double": (test.TestRequest, test.TestResponse, UNARY),
    "PrintKV": (test.PrintKVRequest, test.PrintKVResponse, UNARY),
    "Bidirectional": (test.BidirectionalRequest, test.BidirectionalResponse, UNARY),
    "Stream": (test.TestRequest, test.TestResponse, BOTH),
    "PrintStdio": (test.PrintStdioRequest, Empty, UNARY),
}
PING_PONG_METHODS = {"Ping": (test.PingRequest, test.PongResponse, UNARY)}
KV_METHODS = {
    "Put": (peer.PutRequest, peer.PutResponse, UNARY),
    "Get": (peer.GetRequest, peer.GetResponse, UNARY),
}
PEER_METHODS = {
    "Echo": (peer.EchoRequest, peer.EchoResponse, UNARY),
    "Hang": (peer.HangRequest, peer.HangResponse, UNARY),
    "Hung": (peer.HangRequest, peer.HungResponse, UNARY),
    "CallBack": (peer.CallBackRequest, peer.CallBackResponse, UNARY),
    "Offer": (peer.OfferRequest, peer.OfferResponse, UNARY),
    "Disconnect": (peer.DisconnectRequest, peer.DisconnectResponse, UNARY),
}


def handlers(service, methods, implementation):
    """Serves methods of every kind."""
    return grpc.method_handlers_generic_handler(
        service,
        {
            name: kind(
                getattr(implementation, name),
                request_deserializer=request.FromString,
                response_serializer=response.SerializeToString,
            )
            for name, (request, response, kind) in methods.items()
        },
    )
