"""Sockets and TLS of the matrix plugin: grpcio's servers on what the host asks for."""

import base64
import os
import pathlib
import subprocess
import tempfile

import grpc

import goplugin

#: grpcio's own limit for headers is 8 KiB.
METADATA = [("grpc.max_metadata_size", 1 << 18), ("grpc.absolute_max_metadata_size", 1 << 19)]


class Server:
    """A running server and where it listens."""

    def __init__(self, server, network, address):
        self.server = server
        self.network = network
        self.address = address

    def close(self, grace):
        self.server.stop(grace).wait()
        if self.network == "unix" and os.path.exists(self.address):
            os.unlink(self.address)


def listen(handlers, pool, tls, network="unix"):
    """Serves on a new unix socket or a free TCP port."""
    server = grpc.server(pool, options=METADATA)
    server.add_generic_rpc_handlers(tuple(handlers))
    address = goplugin.socket_path() if network == "unix" else "127.0.0.1:0"
    target = f"unix:{address}" if network == "unix" else address
    port = server.add_insecure_port(target) if tls is None else server.add_secure_port(target, tls.server)
    server.start()
    return Server(server, network, address if network == "unix" else f"127.0.0.1:{port}")


def dial(target, tls):
    """A channel to what the host accepts."""
    if tls is None:
        return grpc.insecure_channel(target)
    # The certificates of both ends are for localhost, whatever the socket.
    return grpc.secure_channel(target, tls.client, options=[("grpc.ssl_target_name_override", "localhost")])


class Tls:
    """AutoMTLS: a certificate of our own, and the host's as the only one that counts."""

    def __init__(self, host_certificate):
        with tempfile.TemporaryDirectory() as directory:
            key, certificate = pathlib.Path(directory, "key"), pathlib.Path(directory, "certificate")
            command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "3650"]
            subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
            pair = (key.read_bytes(), certificate.read_bytes())
        self.certificate = pair[1]
        self.server = grpc.ssl_server_credentials([pair], root_certificates=host_certificate, require_client_auth=True)
        self.client = grpc.ssl_channel_credentials(host_certificate, *pair)

    @classmethod
    def of_host(cls):
        """What the host asks for; None if it asks for nothing."""
        certificate = os.environ.get("PLUGIN_CLIENT_CERT")
        return cls(certificate.encode()) if certificate else None

    def for_handshake(self):
        """The certificate as the handshake line has it: DER in base64 without padding."""
        lines = self.certificate.decode().splitlines()
        der = base64.b64decode("".join(line for line in lines if not line.startswith("-----")))
        return base64.b64encode(der).decode().rstrip("=")
