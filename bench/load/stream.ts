import { Kinesis } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeProto3 } from '#src/codec/proto3.js'
import { startLocalKinesis } from '#src/local-kinesis/local-kinesis.js'
import { answer } from '../answer.ts'

/** An embedded stream without limits, and a reader of it. */
const kinesis = startLocalKinesis({ streams: { spans: 1 }, limits: false })
let next: string | undefined

answer({
  endpoint: async () => (await kinesis).endpoint,

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
