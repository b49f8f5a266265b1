import { Kinesis } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeProto3 } from '#src/codec/proto3.js'
import { type LocalKinesis, startLocalKinesis } from '#server/local-kinesis/local-kinesis.js'
import { answer } from '../answer.ts'
import type { Mode } from './sink.ts'

/** An embedded stream without limits, and a reader of it. */
const start = (port: number): Promise<LocalKinesis> =>
  startLocalKinesis({
    port,
    streams: { spans: 1 },
    limits: false,
    fault: ({ at }) => (at === 'request' && mode === 'hanging' ? { hang: true } : undefined),
  })
let mode: Mode = 'up'
let kinesis = start(0)
/** The spans of streams that are gone. */
let gone = 0
let next: string | undefined

answer({
  endpoint: async () => (await kinesis).endpoint,

  async mode({ to }: { to: Mode }) {
    const running = await kinesis
    if (to === 'refused') {
      gone += spansIn(running)
      await running.close()
    } else if (mode === 'refused') {
      kinesis = start(running.port)
      await kinesis
    }
    mode = to
  },

  /** The spans that arrived so far. */
  spans: async () => gone + spansIn(await kinesis),

  /** Reads on through the SDK until so many spans are decoded. */
  async read({ spans }: { spans: number }) {
    const client = new Kinesis({
      endpoint: (await kinesis).endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'any', secretAccessKey: 'thing' },
      requestHandler: new NodeHttpHandler(),
    })
    next ??= (
      await client.getShardIterator({
        StreamName: 'spans',
        ShardId: 'shardId-000000000000',
        ShardIteratorType: 'TRIM_HORIZON',
      })
    ).ShardIterator
    let read = 0
    while (read < spans) {
      const { Records = [], NextShardIterator } = await client.getRecords({ ShardIterator: next })
      next = NextShardIterator
      for (const { Data } of Records) read += decodeProto3(Data!).length
      if (Records.length === 0) await sleep(5)
    }
    client.destroy()
    return read
  },
})

function spansIn(kinesis: LocalKinesis): number {
  return kinesis.records('spans').reduce((sum, { data }) => sum + decodeProto3(data).length, 0)
}
