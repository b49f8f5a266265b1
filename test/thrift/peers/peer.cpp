// An unmodified C++ peer: serves every combination, and calls others when told to on standard input.
//
// Writes `<processor> <transport> <protocol> <port>` for each server, then `ready`. For each such line on standard
// input it calls that server and writes a line of JSON: what came of each call. Ends with its input.
#include <atomic>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include <thrift/TOutput.h>
#include <thrift/processor/TMultiplexedProcessor.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/protocol/TJSONProtocol.h>
#include <thrift/protocol/TMultiplexedProtocol.h>
#include <thrift/server/TThreadedServer.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/THttpClient.h>
#include <thrift/transport/THttpServer.h>
#include <thrift/transport/TServerSocket.h>
#include <thrift/transport/TSocket.h>

#include "Service.h"

using namespace apache::thrift;
using namespace apache::thrift::protocol;
using namespace apache::thrift::server;
using namespace apache::thrift::transport;
using std::make_shared;
using std::shared_ptr;
using std::string;

class Handler : public ServiceIf {
  string fired;

public:
  int32_t add(const int32_t a, const int32_t b) override { return a + b; }
  void echo(string& answer, const string& s) override { answer = s == "fired?" ? fired : s; }
  void nest(Nested& answer, const Nested& n) override { answer = n; }
  void ping() override {}
  void fire(const string& s) override { fired = s; }
  int32_t declared(const string& why) override {
    Oops oops;
    oops.why = why;
    throw oops;
  }
  int32_t undeclared(const string& why) override { throw std::runtime_error(why); }
  void big(string& answer, const string& bytes) override { answer = bytes; }
};

shared_ptr<TProcessor> processorOf(const string& kind) {
  auto service = make_shared<ServiceProcessor>(make_shared<Handler>());
  if (kind == "plain") return service;
  auto multiplexed = make_shared<TMultiplexedProcessor>();
  multiplexed->registerProcessor("Service", service);
  return multiplexed;
}

shared_ptr<TProtocolFactory> protocolsOf(const string& name) {
  if (name == "binary") return make_shared<TBinaryProtocolFactory>();
  if (name == "compact") return make_shared<TCompactProtocolFactory>();
  return make_shared<TJSONProtocolFactory>();
}

shared_ptr<TTransportFactory> transportsOf(const string& name) {
  if (name == "buffered") return make_shared<TBufferedTransportFactory>();
  if (name == "framed") return make_shared<TFramedTransportFactory>();
  return make_shared<THttpServerTransportFactory>();
}

std::atomic<int> starting{0};

/** Tells when the server listens. */
class Announce : public TServerEventHandler {
  string name;
  shared_ptr<TServerSocket> socket;

public:
  Announce(string name, shared_ptr<TServerSocket> socket) : name(name), socket(socket) {}
  void preServe() override {
    std::ostringstream line;
    line << name << " " << socket->getPort() << "\n";
    std::cout << line.str() << std::flush;
    starting--;
  }
};

void serve() {
  for (string kind : {"plain", "mux"})
    for (string transport : {"buffered", "framed", "http"})
      for (string protocol : {"binary", "compact", "json"}) {
        auto socket = make_shared<TServerSocket>("127.0.0.1", 0);
        auto server = make_shared<TThreadedServer>(processorOf(kind), socket, transportsOf(transport),
                                                   protocolsOf(protocol));
        server->setServerEventHandler(
            make_shared<Announce>(kind + " " + transport + " " + protocol, socket));
        starting++;
        std::thread([server] { server->serve(); }).detach();
      }
  while (starting > 0) std::this_thread::yield();
  std::cout << "ready" << std::endl;
}

string quoted(const string& text) { return "\"" + text + "\""; }

string call(const string& kind, const string& transport, const string& protocol, int port) {
  shared_ptr<TTransport> wire;
  if (transport == "http") wire = make_shared<THttpClient>("127.0.0.1", port, "/");
  else wire = transportsOf(transport)->getTransport(make_shared<TSocket>("127.0.0.1", port));
  shared_ptr<TProtocol> output = protocolsOf(protocol)->getProtocol(wire);
  if (kind == "mux") output = make_shared<TMultiplexedProtocol>(output, "Service");
  ServiceClient client(output);

  Leaf leaf, other;
  leaf.id = 7;
  leaf.name = "leaf";
  other.id = -1;
  Nested nested, nestedBack;
  nested.leaf = leaf;
  nested.leaves = {leaf, other};
  nested.byName["größe"] = leaf;
  string blob, back;
  for (int i = 0; i < 200000; i++) blob += static_cast<char>(i % 251);

  wire->open();
  std::ostringstream said;
  said << std::boolalpha << "[" << client.add(2, 3);
  client.echo(back, "größe ☂ 数");
  said << "," << quoted(back);
  client.nest(nestedBack, nested);
  said << "," << (nestedBack == nested);
  client.ping();
  said << ",true";
  // A server of npm's thrift never answers a oneway call by HTTP, and the next call would wait for that.
  if (transport != "http") {
    client.fire("fired");
    client.echo(back, "fired?");
    said << "," << quoted(back);
  }
  try {
    client.declared("why");
  } catch (const Oops& oops) {
    said << "," << quoted("Oops " + oops.why);
  }
  try {
    client.undeclared("why");
  } catch (const TApplicationException& error) {
    said << "," << quoted(string("undeclared ") + error.what());
  }
  int sum = 0;
  for (int i = 0; i < 20; i++) sum += client.add(i, 0);
  client.big(back, blob);
  said << "," << sum << "," << (back == blob) << "]";
  wire->close();
  return said.str();
}

int main() {
  GlobalOutput.setOutputFunction([](const char*) {});
  serve();
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    string kind, transport, protocol;
    int port;
    words >> kind >> transport >> protocol >> port;
    try {
      std::cout << call(kind, transport, protocol, port) << std::endl;
    } catch (const std::exception& error) {
      std::cout << "[" << quoted(string("failed: ") + error.what()) << "]" << std::endl;
    }
  }
  _Exit(0);
}
