"""go-plugin's broker, plain: either end announces a listener under an id on one stream,
and the other end dials it."""

import itertools
import queue
import threading

import messages
import transport
from messages import plugin, test

#: How long to wait for an announcement, in seconds, as in Go.
PATIENCE = 5


class PingPong:
    """What is served on every brokered connection."""

    def Ping(self, request, context):
        return test.PongResponse(msg="pong")


class Broker:
    """`plugin.GRPCBroker`, and both things that can be done with it."""

    def __init__(self, listen, tls):
        self.listen = listen
        self.tls = tls
        self.ids = itertools.count(1)
        self.outgoing = queue.Queue()
        self.announced = {}
        self.changed = threading.Condition()
        self.servers = []

    def StartStream(self, requests, context):
        threading.Thread(target=self._receive, args=(requests,), daemon=True).start()
        while (announcement := self.outgoing.get()) is not None:
            yield announcement
        # A host may ask again when a stream has ended.
        self.outgoing.put(None)

    def _receive(self, requests):
        try:
            for info in requests:
                with self.changed:
                    self.announced[info.service_id] = info
                    self.changed.notify_all()
        except Exception:  # grpcio has no narrower one for a stream that was cut.
            pass

    def next_id(self):
        return next(self.ids)

    def accept(self, id):
        """Serves PingPong on a socket of its own, and says where."""
        server = self.listen([messages.handlers("grpctest.PingPong", messages.PING_PONG_METHODS, PingPong())])
        self.servers.append(server)
        self.outgoing.put(plugin.ConnInfo(service_id=id, network=server.network, address=server.address))

    def ping(self, id):
        """Dials what the host accepts, and calls PingPong there."""
        with self.changed:
            if not self.changed.wait_for(lambda: id in self.announced, PATIENCE):
                raise LookupError(f"the host has announced no {id}")
            info = self.announced.pop(id)
        target = f"unix:{info.address}" if info.network == "unix" else info.address
        with transport.dial(target, self.tls) as channel:
            ping = channel.unary_unary(
                "/grpctest.PingPong/Ping",
                request_serializer=test.PingRequest.SerializeToString,
                response_deserializer=test.PongResponse.FromString,
            )
            said = ping(test.PingRequest(), timeout=10).msg
        if said != "pong":
            raise ValueError(f"the host says {said!r}")

    def close(self):
        self.outgoing.put(None)
        for server in self.servers:
            server.server.stop(0)
        for server in self.servers:
            server.close(0)
