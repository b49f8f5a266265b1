import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'

const PRODUCE = 0
/** How a record says that it has a header `b3`: the name's length as a zigzag varint, and the name. */
const B3_HEADER = Buffer.from('\x04b3')

/** A broker that does not know headers. */
export interface OldBroker {
  /** A client that reaches it. */
  readonly kafka: Kafka
  /** Whether it refuses headers, as it does from the start. */
  refusing: boolean
  close(): Promise<void>
}

/**
 * Stands before a broker, and answers UNKNOWN_SERVER_ERROR to messages with a header `b3`, as brokers before 0.11 do to
 * headers. All else is what the broker says.
 */
export async function startOldBroker(broker: string): Promise<OldBroker> {
  const [host, port] = broker.split(':') as [string, string]
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(port), host)
    const refused = new Set<number>()
    eachFrame(client, (frame) => {
      const produces = old.refusing && frame.readInt16BE(4) === PRODUCE
      if (produces && frame.includes(B3_HEADER)) refused.add(frame.readInt32BE(8))
      upstream.write(frame)
    })
    eachFrame(upstream, (frame) => {
      if (refused.delete(frame.readInt32BE(4))) {
        // Length, correlation, count of topics; the topic's name; count of partitions, the first one, its error.
        const name = frame.readInt16BE(12)
        frame.writeInt16BE(-1, 14 + name + 4 + 4)
      }
      client.write(frame)
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stand = (server.address() as AddressInfo).port
  const old: OldBroker = {
    refusing: true,
    kafka: new Kafka({
      brokers: [broker],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
      // Whatever address the broker gives of itself.
      socketFactory: ({ onConnect }) => connect(stand, '127.0.0.1', onConnect),
    }),
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return old
}

/** Each message on a connection: its length in four bytes, and so many bytes. */
function eachFrame(socket: Socket, take: (frame: Buffer) => void): void {
  let pending = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
      const end = 4 + pending.readInt32BE(0)
      take(pending.subarray(0, end))
      pending = pending.subarray(end)
    }
  })
}
