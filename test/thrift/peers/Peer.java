import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.thrift.TApplicationException;
import org.apache.thrift.TException;
import org.apache.thrift.TMultiplexedProcessor;
import org.apache.thrift.TProcessor;
import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.protocol.TCompactProtocol;
import org.apache.thrift.protocol.TJSONProtocol;
import org.apache.thrift.protocol.TMultiplexedProtocol;
import org.apache.thrift.protocol.TProtocol;
import org.apache.thrift.protocol.TProtocolFactory;
import org.apache.thrift.server.TNonblockingServer;
import org.apache.thrift.server.TServer;
import org.apache.thrift.server.TThreadPoolServer;
import org.apache.thrift.transport.THttpClient;
import org.apache.thrift.transport.TNonblockingServerSocket;
import org.apache.thrift.transport.TServerSocket;
import org.apache.thrift.transport.TSocket;
import org.apache.thrift.transport.TTransport;
import org.apache.thrift.transport.layered.TFramedTransport;

/**
 * An unmodified Java peer: serves every combination, and calls others when told to on standard input.
 *
 * <p>Writes {@code <processor> <transport> <protocol> <port>} for each server, then {@code ready}. For each such line on
 * standard input it calls that server and writes a line of JSON: what came of each call. Ends with its input.
 */
public class Peer {
  static class Handler implements Service.Iface {
    private volatile String fired = "";

    public int add(int a, int b) {
      return a + b;
    }

    public String echo(String s) {
      return s.equals("fired?") ? fired : s;
    }

    public Nested nest(Nested n) {
      return n;
    }

    public void ping() {}

    public void fire(String s) {
      fired = s;
    }

    public int declared(String why) throws Oops {
      throw new Oops(why);
    }

    public int undeclared(String why) {
      throw new IllegalStateException(why);
    }

    public ByteBuffer big(ByteBuffer bytes) {
      return bytes;
    }
  }

  static final Map<String, TProtocolFactory> PROTOCOLS =
      Map.of(
          "binary", new TBinaryProtocol.Factory(),
          "compact", new TCompactProtocol.Factory(),
          "json", new TJSONProtocol.Factory());

  static TProcessor processor(String kind) {
    TProcessor service = new Service.Processor<>(new Handler());
    if (kind.equals("plain")) return service;
    TMultiplexedProcessor multiplexed = new TMultiplexedProcessor();
    multiplexed.registerProcessor("Service", service);
    return multiplexed;
  }

  static void serve(String kind, String transport, String protocol) throws Exception {
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    TServer server;
    int port;
    if (transport.equals("nonblocking")) {
      TNonblockingServerSocket socket = new TNonblockingServerSocket(address);
      port = socket.getPort();
      server =
          new TNonblockingServer(
              new TNonblockingServer.Args(socket)
                  .processor(processor(kind))
                  .protocolFactory(PROTOCOLS.get(protocol)));
    } else {
      TServerSocket socket = new TServerSocket(address);
      port = socket.getServerSocket().getLocalPort();
      TThreadPoolServer.Args args =
          new TThreadPoolServer.Args(socket)
              .minWorkerThreads(0)
              .processor(processor(kind))
              .protocolFactory(PROTOCOLS.get(protocol));
      if (transport.equals("framed")) args.transportFactory(new TFramedTransport.Factory());
      server = new TThreadPoolServer(args);
    }
    Thread thread = new Thread(server::serve);
    thread.setDaemon(true);
    thread.start();
    System.out.println(String.join(" ", kind, transport, protocol, String.valueOf(port)));
  }

  static TTransport connect(String transport, int port) throws TException {
    if (transport.equals("http")) return new THttpClient("http://127.0.0.1:" + port + "/");
    TSocket socket = new TSocket("127.0.0.1", port);
    return transport.equals("framed") ? new TFramedTransport(socket) : socket;
  }

  static List<Object> call(String kind, String transport, String protocol, int port) throws TException {
    try (TTransport wire = connect(transport, port)) {
      wire.open();
      TProtocol output = PROTOCOLS.get(protocol).getProtocol(wire);
      boolean plain = kind.equals("plain");
      Service.Client client =
          new Service.Client(plain ? output : new TMultiplexedProtocol(output, "Service"));
      // A server of npm's thrift never answers a oneway call by HTTP, and this client waits for that.
      return callEverything(client, !transport.equals("http"));
    }
  }

  static List<Object> callEverything(Service.Client client, boolean oneway) throws TException {
    Leaf leaf = new Leaf(7, "leaf");
    Nested nested = new Nested(leaf, List.of(leaf, new Leaf(-1, "")), Map.of("größe", leaf));
    byte[] blob = new byte[200_000];
    for (int i = 0; i < blob.length; i++) blob[i] = (byte) (i % 251);

    List<Object> said = new ArrayList<>();
    said.add(client.add(2, 3));
    said.add(client.echo("größe ☂ 数"));
    said.add(client.nest(nested).equals(nested));
    client.ping();
    said.add(true);
    if (oneway) {
      client.fire("fired");
      said.add(client.echo("fired?"));
    }
    try {
      client.declared("why");
    } catch (Oops oops) {
      said.add("Oops " + oops.why);
    }
    try {
      client.undeclared("why");
    } catch (TApplicationException error) {
      said.add("undeclared " + error.getMessage());
    }
    int sum = 0;
    for (int i = 0; i < 20; i++) sum += client.add(i, 0);
    said.add(sum);
    said.add(client.big(ByteBuffer.wrap(blob)).equals(ByteBuffer.wrap(blob)));
    return said;
  }

  static String json(List<Object> values) {
    StringBuilder text = new StringBuilder();
    for (Object value : values) {
      text.append(text.length() == 0 ? "[" : ",");
      text.append(value instanceof String ? "\"" + value + "\"" : value.toString());
    }
    return text.append("]").toString();
  }

  public static void main(String[] args) throws Exception {
    System.setOut(new java.io.PrintStream(System.out, true, StandardCharsets.UTF_8));
    for (String kind : List.of("plain", "mux"))
      for (String transport : List.of("buffered", "framed", "nonblocking"))
        for (String protocol : PROTOCOLS.keySet()) serve(kind, transport, protocol);
    System.out.println("ready");
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String[] words = line.split(" ");
      try {
        System.out.println(json(call(words[0], words[1], words[2], Integer.parseInt(words[3]))));
      } catch (Exception error) {
        System.out.println(json(List.of("failed: " + error.toString().replaceAll("[\"\\\\\n]", "'"))));
      }
    }
    System.exit(0);
  }
}
