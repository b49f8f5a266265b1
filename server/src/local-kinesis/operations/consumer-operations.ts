import { type Account, accountId } from '../account.ts'
import { inUse, invalidArgument, limitExceeded, notFound } from '../wire/api-error.ts'
import { type Consumer, describeConsumer } from '../stream/consumer.ts'
import { name, operation, type Operation, sequenceNumber, streamAddress, streamArn } from './operation.ts'
import { pageAfter, readPageToken } from './paging.ts'
import { findShard } from './read-operations.ts'
import { placeOf, positionTypes } from '../stream/shard-position.ts'
import type { Stream } from '../stream/stream.ts'
import { Subscription } from '../stream/subscription.ts'
import { integer, required, structure, text, timestamp } from './validation.ts'

const consumerAddress = {
  StreamARN: streamAddress.StreamARN,
  ConsumerName: name(),
  ConsumerARN: text({ min: 1, max: 2048 }),
}

const resubscribeMs = 5000

/** Enhanced fan-out: consumers, and records pushed to them. */
export const consumerOperations: Record<string, Operation> = {
  RegisterStreamConsumer: operation({ ...streamArn, ConsumerName: required(name()) }, (account, input) => {
    const stream = account.usableStream(input)
    if (stream.consumers.has(input.ConsumerName)) {
      throw inUse(`Consumer ${input.ConsumerName} of stream ${stream.name} already exists.`)
    }
    const { consumers: limit } = account.settings.limits
    if (stream.consumers.size >= limit) {
      throw limitExceeded(`Stream ${stream.name} has its limit of ${limit} consumers.`)
    }
    const now = account.now()
    const consumer: Consumer = {
      name: input.ConsumerName,
      arn: `${stream.arn}/consumer/${input.ConsumerName}:${Math.floor(now / 1000)}`,
      createdAt: now,
      status: 'CREATING',
      subscriptions: new Map(),
    }
    stream.consumers.set(consumer.name, consumer)
    const answer = { Consumer: describeConsumer(consumer) }
    account.change(() => {
      if (consumer.status === 'CREATING') consumer.status = 'ACTIVE'
    })
    return answer
  }),

  DescribeStreamConsumer: operation(consumerAddress, (account, input) => {
    const { stream, consumer } = find(account, input)
    return { ConsumerDescription: { ...describeConsumer(consumer), StreamARN: stream.arn } }
  }),

  DeregisterStreamConsumer: operation(consumerAddress, (account, input) => {
    const { stream, consumer } = find(account, input)
    consumer.status = 'DELETING'
    for (const subscription of consumer.subscriptions.values()) {
      subscription.end('ResourceNotFoundException', `Consumer ${consumer.arn} was deregistered.`)
    }
    account.change(() => stream.consumers.delete(consumer.name))
  }),

  ListStreamConsumers: operation(
    {
      ...streamArn,
      NextToken: text({ min: 1, max: 1_048_576 }),
      MaxResults: integer({ min: 1, max: 10_000 }),
      StreamCreationTimestamp: timestamp(),
    },
    (account, input) => {
      const stream = account.stream(input)
      const now = account.now()
      const [after = ''] = input.NextToken === undefined ? [] : readPageToken(input.NextToken, now)
      const consumers = stream.consumers.values()
      const page = pageAfter(after, consumers, (consumer) => consumer.name, input.MaxResults ?? 100, now)
      return { Consumers: page.items.map(describeConsumer), NextToken: page.token }
    },
  ),

  SubscribeToShard: operation(
    {
      ConsumerARN: required(consumerAddress.ConsumerARN),
      ShardId: required(name()),
      StartingPosition: required(
        structure({
          Type: required(text({ oneOf: positionTypes })),
          SequenceNumber: sequenceNumber(),
          Timestamp: timestamp(),
        }),
      ),
    },
    (account, input) => {
      const { stream, consumer } = find(account, { ConsumerARN: input.ConsumerARN })
      const now = account.now()
      stream.trim(now)
      const { shard } = findShard(stream, stream.name, input.ShardId)
      if (consumer.status !== 'ACTIVE') {
        throw inUse(`Consumer ${consumer.arn} is not ACTIVE, instead in state ${consumer.status}`)
      }
      const since = consumer.subscriptions.get(shard.id)?.since ?? -Infinity
      if (now - since < resubscribeMs) {
        throw inUse(
          `Another active subscription exists for this consumer: ${accountId}:${stream.name}:${consumer.name}, ` +
            `shard ${shard.id}; a new one may take over ${resubscribeMs / 1000} seconds after it began.`,
        )
      }
      const { Type: type, SequenceNumber: sequenceNumber, Timestamp: seconds } = input.StartingPosition
      const from = placeOf({ type, sequenceNumber, timestamp: seconds }, shard, stream, now)
      return new Subscription(account, consumer, shard, from)
    },
  ),
}

function find(
  account: Account,
  address: {
    readonly StreamARN?: string | undefined
    readonly ConsumerName?: string | undefined
    readonly ConsumerARN?: string | undefined
  },
): { stream: Stream; consumer: Consumer } {
  const { StreamARN: streamArn, ConsumerName: consumerName, ConsumerARN: consumerArn } = address
  if (consumerArn === undefined && (streamArn === undefined || consumerName === undefined)) {
    throw invalidArgument('Either ConsumerARN or both StreamARN and ConsumerName should be provided.')
  }
  const stream = account.stream({ StreamARN: streamArn ?? consumerArn!.replace(/\/consumer\/.*$/, '') })
  const wanted = consumerName ?? /\/consumer\/([^:]+)/.exec(consumerArn!)?.[1]
  const consumer = wanted === undefined ? undefined : stream.consumers.get(wanted)
  if (!consumer || (consumerArn !== undefined && consumer.arn !== consumerArn)) {
    throw notFound(`Consumer ${consumerArn ?? consumerName} under account ${accountId} not found.`)
  }
  return { stream, consumer }
}
