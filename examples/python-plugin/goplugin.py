"""The plugin's side of the go-plugin protocol, plaintext, for any gRPC service.

What a host expects of a plugin, in the order in which it happens: the magic
cookie in the environment, a unix socket, one handshake line on stdout, the
health service with the name `plugin`, and a Shutdown call that is obeyed.
"""

import concurrent.futures
import datetime
import json
import os
import signal
import sys
import tempfile
import threading
import uuid

import grpc

import wire

COOKIE_KEY = "WORKFLOW_PLUGIN"
COOKIE_VALUE = "workflow-external-plugin-v1"
CORE_VERSION = 1
PROTOCOL_VERSION = 1

#: The longest path that fits into a unix socket's address, with its final zero.
LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107

#: How long calls that are under way may take to end after Shutdown, in seconds.
#: A host waits two before it kills.
GRACE = 0.5


def log(level, message, **values):
    """Writes a line for the host's log: level is trace, debug, info, warn or error."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    line = {"@level": level, "@message": message, "@timestamp": now, **values}
    # One write, so that lines of two threads do not mix.
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


def serve(service, methods, implementation):
    """Serves until the host says Shutdown or is gone; returns the exit code.

    methods maps a method's name to its request and response class; the method
    of that name on implementation is called with the request and the context.
    """
    if os.environ.get(COOKIE_KEY) != COOKIE_VALUE:
        print("This is a plugin. Put its directory where a host looks for plugins.", file=sys.stderr)
        return 1
    handshake_out = take_over_stdout()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    # Ctrl-C in the host's terminal reaches the plugin too; the host decides what happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    path = socket_path()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers(
        (
            handlers(service, methods, implementation),
            handlers("grpc.health.v1.Health", {"Check": (wire.health.HealthCheckRequest, wire.health.HealthCheckResponse)}, Health()),
            handlers("plugin.GRPCController", {"Shutdown": (wire.Empty, wire.Empty)}, Controller(stopped)),
        )
    )
    # Only the user who runs the host may connect.
    mask = os.umask(0o077)
    try:
        server.add_insecure_port(f"unix:{path}")
    finally:
        os.umask(mask)
    server.start()
    try:
        handshake_out.write(f"{CORE_VERSION}|{PROTOCOL_VERSION}|unix|{path}|grpc\n")
        handshake_out.flush()
        # A host that was killed cannot say Shutdown; its plugin then has a new parent.
        parent = os.getppid()
        while not stopped.wait(1) and os.getppid() == parent:
            pass
        server.stop(GRACE).wait()
    finally:
        if os.path.exists(path):
            os.unlink(path)
    return 0


def take_over_stdout():
    """Keeps the real stdout for the handshake; what is printed goes to the log."""
    handshake_out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return handshake_out


def socket_path():
    """A path in the directory that the host names, which no other plugin uses."""
    directory = os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or tempfile.gettempdir()
    path = os.path.join(os.path.abspath(directory), f"plugin{uuid.uuid4().hex[:12]}")
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise SystemExit(f"the socket path {path} is too long; set TMPDIR to a shorter directory")
    return path


def handlers(service, methods, implementation):
    """Serves unary methods; see serve."""
    return grpc.method_handlers_generic_handler(
        service,
        {
            name: grpc.unary_unary_rpc_method_handler(
                getattr(implementation, name),
                request_deserializer=request.FromString,
                response_serializer=response.SerializeToString,
            )
            for name, (request, response) in methods.items()
        },
    )


class Health:
    """Says that the plugin is well, as long as it says anything."""

    def Check(self, request, context):
        if request.service not in ("", "plugin"):
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return wire.health.HealthCheckResponse(status=1)


class Controller:
    """Sets an event when the host says Shutdown."""

    def __init__(self, stopped):
        self.stopped = stopped

    def Shutdown(self, request, context):
        self.stopped.set()
        return wire.Empty()
