/** An enhanced fan-out consumer: a reader with a throughput of its own on every shard. */
export interface Consumer {
  readonly name: string
  readonly arn: string
  readonly createdAt: number
  status: 'CREATING' | 'ACTIVE' | 'DELETING'
  /** By shard ID: when it was last subscribed to, and how to end that subscription. */
  readonly subscriptions: Map<string, { since: number; end(type: string, message: string): void }>
}

/** A consumer as the API describes it. */
export function describeConsumer(consumer: Consumer): Record<string, unknown> {
  return {
    ConsumerName: consumer.name,
    ConsumerARN: consumer.arn,
    ConsumerStatus: consumer.status,
    ConsumerCreationTimestamp: consumer.createdAt / 1000,
  }
}
