import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
// oxlint-disable-next-line typescript/no-explicit-any -- neither the package nor generated code has types
const thrift: any = require('thrift')
// oxlint-disable-next-line typescript/no-explicit-any -- as above
const Prices: any = require('../../../examples/thrift/Prices.js')

const OPTIONS = { transport: thrift.TBufferedTransport, protocol: thrift.TBinaryProtocol }

/** One end of a connection in memory, as npm's thrift uses a socket: what is written has come when `write` returns. */
class End extends EventEmitter {
  other: End | undefined
  readonly setTimeout = (): void => {}
  readonly setNoDelay = (): void => {}

  write(bytes: Buffer): void {
    this.other!.emit('data', Buffer.from(bytes))
  }
}

/** What the tracing may put in place of these. */
export interface ThriftWays {
  readonly thriftConnection: <C extends object>(connection: C) => C
  readonly thriftProcessor: <P extends object>(processor: P) => P
}

/** Calls a Thrift service by npm's own client and server, and says what came of it. */
export async function callThrift(ways: ThriftWays, ran: () => number): Promise<unknown[]> {
  const handler = {
    async cents(sku: string): Promise<number> {
      ran()
      if (sku === '') throw new Error('no such sku')
      return 198 * sku.length
    },
  }
  const processor = ways.thriftProcessor(new Prices.Processor(handler))
  const [client, server] = [new End(), new End()]
  client.other = server
  server.other = client
  serve(server, processor)
  const connection = ways.thriftConnection(new thrift.Connection(client, OPTIONS))
  client.emit('connect')
  const prices = thrift.createClient(Prices, connection)
  const answer = (sku: string): Promise<unknown> =>
    (prices.cents(sku) as Promise<unknown>).catch((error: Error) => `${error.name}: ${error.message}`)
  return [await answer('sku-7'), await Promise.all([answer('a'), answer('bc')]), await answer('')]
}

/** As thrift's `createMultiplexServer` answers a connection. */
function serve(stream: End, processor: { process(input: unknown, output: unknown): void }): void {
  const receive = OPTIONS.transport.receiver((came: { commitPosition(): void; rollbackPosition(): void }) => {
    const input = new OPTIONS.protocol(came)
    const output = new OPTIONS.protocol(
      new OPTIONS.transport(undefined, (bytes: Buffer) => stream.write(bytes)),
    )
    try {
      for (;;) {
        processor.process(input, output)
        came.commitPosition()
      }
    } catch (error) {
      if ((error as Error).name !== 'InputBufferUnderrunError') throw error
      came.rollbackPosition()
    }
  })
  stream.on('data', receive as (bytes: Buffer) => void)
}
