/** What of the tests' broker is needed here. It is theirs: the bench is compiled by itself, and loads what they compiled. */
interface Support {
  startKafkaBroker(): Promise<{ readonly brokers: string[]; stop(): Promise<void> } | string>
  createTopic(brokers: string[], topic: string): Promise<void>
}

/** A real broker; rejects with the reason when this machine has none. */
export async function startBroker(): Promise<{
  readonly brokers: string[]
  createTopic(topic: string): Promise<void>
  stop(): Promise<void>
}> {
  const file = new URL('../test/support/kafka-broker.js', import.meta.url).href
  const support = (await import(file)) as Support
  const broker = await support.startKafkaBroker()
  if (typeof broker === 'string') throw new Error(broker)
  const { brokers } = broker
  return { brokers, createTopic: (topic) => support.createTopic(brokers, topic), stop: () => broker.stop() }
}
