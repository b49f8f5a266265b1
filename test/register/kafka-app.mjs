// An app that knows nothing of tracing: it makes its own client of kafkajs, produces and consumes. Arguments: the
// brokers and a topic. The test runs it as it is, and as CommonJS.
import { Kafka, logLevel } from 'kafkajs'

const [brokers, topic] = process.argv.slice(2)
const kafka = new Kafka({
  brokers: brokers.split(','),
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 100, retries: 10 },
})

async function main() {
  const producer = kafka.producer()
  await producer.connect()
  const stored = await producer.send({ topic, messages: [{ key: 'k', value: 'one' }, { value: 'two' }] })
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: `app-${topic}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const seen = []
  await new Promise((resolve, reject) => {
    const eachMessage = async ({ message }) => {
      if (seen.push(String(message.value)) === 2) resolve()
    }
    consumer.run({ eachMessage }).catch(reject)
  })
  await consumer.disconnect()
  console.log(JSON.stringify({ stored: stored.length, seen, isKafka: kafka instanceof Kafka }))
}

void main()
