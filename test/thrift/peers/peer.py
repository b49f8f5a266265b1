"""An unmodified Python peer: serves every combination, and calls others when told to on standard input.

peer.py GENERATED: writes `<processor> <transport> <protocol> <port>` for each server, then `ready`. For each such
line on standard input it calls that server and writes a line of JSON: what came of each call. Ends with its input.
"""
import http.server
import json
import logging
import sys
import threading

sys.path.insert(0, sys.argv[1])

from service import Service
from service.ttypes import Leaf, Nested, Oops
from thrift.protocol import TBinaryProtocol, TCompactProtocol, TJSONProtocol
from thrift.protocol.TMultiplexedProtocol import TMultiplexedProtocol
from thrift.server import THttpServer, TServer
from thrift.Thrift import TApplicationException
from thrift.TMultiplexedProcessor import TMultiplexedProcessor
from thrift.transport import THttpClient, TSocket, TTransport

# An undeclared exception is logged with its stack, and it is meant to be thrown.
logging.disable(logging.CRITICAL)

PROTOCOLS = {
    "binary": TBinaryProtocol.TBinaryProtocolFactory(),
    "binary-accelerated": TBinaryProtocol.TBinaryProtocolAcceleratedFactory(fallback=False),
    "compact": TCompactProtocol.TCompactProtocolFactory(),
    "compact-accelerated": TCompactProtocol.TCompactProtocolAcceleratedFactory(fallback=False),
    "json": TJSONProtocol.TJSONProtocolFactory(),
}
TRANSPORTS = {
    "buffered": TTransport.TBufferedTransportFactory(),
    "framed": TTransport.TFramedTransportFactory(),
}


class Handler:
    fired = ""

    def add(self, a, b):
        return a + b

    def echo(self, s):
        return self.fired if s == "fired?" else s

    def nest(self, n):
        return n

    def ping(self):
        pass

    def fire(self, s):
        self.fired = s

    def declared(self, why):
        raise Oops(why)

    def undeclared(self, why):
        raise ValueError(why)

    def big(self, bytes):
        return bytes


def processor(kind):
    service = Service.Processor(Handler())
    if kind == "plain":
        return service
    multiplexed = TMultiplexedProcessor()
    multiplexed.registerProcessor("Service", service)
    return multiplexed


class HTTPServer(http.server.HTTPServer):
    # By default it is 5, and of 20 calls at once most wait a second to connect.
    request_queue_size = 64


def http_server(kind, protocol):
    address = ("127.0.0.1", 0)
    server = THttpServer.THttpServer(processor(kind), address, PROTOCOLS[protocol], server_class=HTTPServer)
    return server, server.httpd.server_address[1]


def socket_server(kind, transport, protocol):
    socket = TSocket.TServerSocket("127.0.0.1", 0)
    socket.listen()
    port = socket.handle.getsockname()[1]
    # It listens already.
    socket.listen = lambda: None
    server = TServer.TThreadedServer(
        processor(kind), socket, TRANSPORTS[transport], PROTOCOLS[protocol], daemon=True
    )
    return server, port


def serve():
    for kind in ("plain", "mux"):
        for protocol in PROTOCOLS:
            for transport in ("buffered", "framed", "http"):
                if transport == "http":
                    server, port = http_server(kind, protocol)
                else:
                    server, port = socket_server(kind, transport, protocol)
                threading.Thread(target=server.serve, daemon=True).start()
                print(kind, transport, protocol, port)
    print("ready", flush=True)


def call(kind, transport, protocol, port):
    if transport == "http":
        wire = THttpClient.THttpClient("http://127.0.0.1:%s/" % port)
    else:
        wire = TRANSPORTS[transport].getTransport(TSocket.TSocket("127.0.0.1", int(port)))
    output = PROTOCOLS[protocol].getProtocol(wire)
    client = Service.Client(TMultiplexedProtocol(output, "Service") if kind == "mux" else output)
    leaf = Leaf(7, "leaf")
    nested = Nested(leaf, [leaf, Leaf(-1, "")], {"größe": leaf})
    blob = bytes(i % 251 for i in range(200_000))
    wire.open()
    try:
        said = [
            client.add(2, 3),
            client.echo("größe ☂ 数"),
            client.nest(nested) == nested,
            client.ping() is None,
        ]
        # A server of npm's thrift never answers a oneway call by HTTP, and this client waits for that.
        if transport != "http":
            client.fire("fired")
            said.append(client.echo("fired?"))
        try:
            client.declared("why")
        except Oops as error:
            said.append("Oops " + error.why)
        try:
            client.undeclared("why")
        except TApplicationException as error:
            said.append("undeclared " + str(error.message))
        said.append(sum(client.add(i, 0) for i in range(20)))
        said.append(client.big(blob) == blob)
        return said
    finally:
        wire.close()


serve()
for line in sys.stdin:
    try:
        said = call(*line.split())
    except Exception as error:
        said = ["failed: %r" % error]
    print(json.dumps(said), flush=True)
