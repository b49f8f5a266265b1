import static java.nio.charset.StandardCharsets.UTF_8;

import brave.Span;
import brave.Tags;
import brave.Tracer;
import brave.Tracing;
import brave.handler.MutableSpan;
import brave.handler.MutableSpanBytesEncoder;
import brave.handler.SpanHandler;
import brave.kafka.clients.KafkaTracing;
import brave.propagation.TraceContext;
import brave.sampler.Sampler;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A service that Brave traces. Argument: the brokers. Commands on its standard input, a line each: `send TOPIC VALUE
 * SAMPLED` sends in a span `start`; `forward FROM TO COUNT` sends on what comes, each in a span `forward`. It says each
 * span as a line of JSON, and `done` after each command.
 */
public class Peer {
  static volatile boolean sampled = true;

  public static void main(String[] args) throws Exception {
    MutableSpanBytesEncoder encoder = MutableSpanBytesEncoder.zipkinJsonV2(Tags.ERROR);
    Tracing tracing = Tracing.newBuilder()
        .localServiceName("brave")
        .sampler(new Sampler() {
          @Override public boolean isSampled(long traceId) {
            return sampled;
          }
        })
        .addSpanHandler(new SpanHandler() {
          @Override public boolean end(TraceContext context, MutableSpan span, Cause cause) {
            say(new String(encoder.encode(span), UTF_8));
            return true;
          }
        })
        .build();
    Tracer tracer = tracing.tracer();
    KafkaTracing kafka = KafkaTracing.newBuilder(tracing).remoteServiceName("kafka").build();
    Producer<String, String> producer = kafka.producer(new KafkaProducer<>(
        Map.of("bootstrap.servers", args[0], "acks", "all"), new StringSerializer(), new StringSerializer()));
    say("ready");

    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      String[] words = line.split(" ");
      if (words[0].equals("send")) {
        sampled = Boolean.parseBoolean(words[3]);
        within(tracer, tracer.newTrace().name("start"), () ->
            producer.send(new ProducerRecord<>(words[1], words[2])).get());
      } else {
        forward(tracer, kafka, producer, args[0], words[1], words[2], Integer.parseInt(words[3]));
      }
      say("done");
    }
    System.exit(0);
  }

  static void forward(Tracer tracer, KafkaTracing kafka, Producer<String, String> producer, String brokers,
      String from, String to, int count) throws Exception {
    try (Consumer<String, String> consumer = kafka.consumer(new KafkaConsumer<>(
        Map.of("bootstrap.servers", brokers, "group.id", "brave-" + from, "auto.offset.reset", "earliest"),
        new StringDeserializer(), new StringDeserializer()))) {
      consumer.subscribe(List.of(from));
      for (int seen = 0; seen < count;) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
          seen++;
          within(tracer, kafka.nextSpan(record).name("forward"), () ->
              producer.send(new ProducerRecord<>(to, record.key(), record.value())).get());
        }
      }
    }
  }

  interface Work {
    void run() throws Exception;
  }

  static void within(Tracer tracer, Span span, Work work) throws Exception {
    span.start();
    try (Tracer.SpanInScope scope = tracer.withSpanInScope(span)) {
      work.run();
    } finally {
      span.finish();
    }
  }

  static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }
}
