import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { AddressInfo, Server, Socket } from 'node:net'
import { inherits } from 'node:util'
import { fileURLToPath } from 'node:url'
import type { Wire } from './thrift-peer.ts'

const require = createRequire(import.meta.url)
const GENERATED = fileURLToPath(new URL('../../../test/thrift/gen-es6/', import.meta.url))
// oxlint-disable-next-line typescript/no-explicit-any -- the package brings no types
export const thrift: any = require('thrift')
// oxlint-disable-next-line typescript/no-explicit-any -- generated code has no types either
export const Service: any = require(`${GENERATED}Service.js`)
const { Leaf, Nested, Oops } = require(`${GENERATED}service_types.js`)

/** Binary messages of before there was a version in them, by a protocol of a user's own. */
function OldBinary(this: object, transport: unknown): void {
  thrift.TBinaryProtocol.call(this, transport, false, false)
}
inherits(OldBinary, thrift.TBinaryProtocol as new () => object)

const PROTOCOLS: Record<string, unknown> = {
  'old binary': OldBinary,
  binary: thrift.TBinaryProtocol,
  compact: thrift.TCompactProtocol,
  json: thrift.TJSONProtocol,
}
const TRANSPORTS: Record<string, unknown> = {
  buffered: thrift.TBufferedTransport,
  framed: thrift.TFramedTransport,
  nonblocking: thrift.TFramedTransport,
  http: thrift.TBufferedTransport,
  ws: thrift.TBufferedTransport,
}

/** What both ends of npm's thrift are told of a wire. Some peers have two implementations of one protocol. */
export function wireOptions({ transport, protocol }: Wire): { transport: unknown; protocol: unknown } {
  return { transport: TRANSPORTS[transport], protocol: PROTOCOLS[protocol.split('-')[0]!] }
}

/** What a test may put between npm's thrift and what is created with it. */
export type Wrap = (thing: object) => object

const asIs: Wrap = (thing) => thing

class Handler {
  #fired = ''
  add(a: number, b: number): number {
    return a + b
  }
  echo(s: string): string {
    return s === 'fired?' ? this.#fired : s
  }
  nest(n: unknown): unknown {
    return n
  }
  ping(): void {}
  fire(s: string): void {
    this.#fired = s
  }
  // What a handler throws at once ends the connection; a rejection is an answer.
  async declared(why: string): Promise<never> {
    throw new Oops({ why })
  }
  async undeclared(why: string): Promise<never> {
    throw new Error(why)
  }
  big(bytes: Buffer): Buffer {
    return bytes
  }
}

/** A server of npm's thrift that listens. */
export interface NpmServer {
  readonly port: number
  /** What its `error` event told, in order. */
  readonly errors: unknown[]
  /** Ends its connections, then itself. */
  close(): Promise<void>
}

/** A server of npm's thrift; `wrap` gets its processor. Without a port it takes a free one. */
export async function startNpmServer(
  wire: Wire,
  wrap: Wrap = asIs,
  handler: object = new Handler(),
  port = 0,
): Promise<NpmServer> {
  let processor = new Service.Processor(handler)
  if (wire.processor === 'mux') {
    const service = processor
    processor = new thrift.MultiplexedProcessor()
    processor.registerProcessor('Service', service)
  }
  processor = wrap(processor)
  const server: Server =
    wire.transport === 'http' || wire.transport === 'ws'
      ? thrift.createWebServer({ services: { '/': { processor, ...wireOptions(wire) } } })
      : thrift.createMultiplexServer(processor, wireOptions(wire))
  // A message that is no message ends the process where nobody listens.
  const errors: unknown[] = []
  server.on('error', (error) => errors.push(error))
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    // Else each of many small answers waits for the acknowledgement of the one before.
    socket.setNoDelay(true)
    sockets.add(socket)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    errors,
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

const CREATE: Record<string, string> = { http: 'createHttpConnection', ws: 'createWSConnection' }

/** A connection of npm's thrift, of the kind that goes with the wire; `more` are options of its own. */
// oxlint-disable-next-line typescript/no-explicit-any -- the package brings no types
export function openNpmConnection(wire: Wire, port: number, more: object = {}): any {
  const create = thrift[CREATE[wire.transport] ?? 'createConnection']
  const connection = create('127.0.0.1', port, { ...wireOptions(wire), path: '/', ...more })
  if (wire.transport === 'ws') connection.open()
  return connection
}

/** A client on the connection, multiplexed if the wire is. */
export function createNpmClient(wire: Wire, connection: object): Client {
  return wire.processor === 'mux'
    ? new thrift.Multiplexer().createClient('Service', Service, connection)
    : thrift.createClient(Service, connection)
}

/** A client of npm's thrift; `wrap` gets its connection. */
export async function withNpmClient<T>(
  wire: Wire,
  port: number,
  use: (client: Client) => Promise<T>,
  wrap: Wrap = asIs,
): Promise<T> {
  const plain = openNpmConnection(wire, port)
  const client = createNpmClient(wire, wrap(plain))
  // A connection that is lost or silent leaves its calls pending for ever.
  let lost: (error: Error) => void = () => {}
  const broken = new Promise<never>((_, reject) => (lost = reject))
  plain.on('error', lost)
  plain.on('close', () => lost(new Error('the connection was closed')))
  const tooLong = setTimeout(() => lost(new Error('no answer')), 60_000)
  try {
    return await Promise.race([use(client), broken])
  } finally {
    clearTimeout(tooLong)
    broken.catch(() => {})
    if (wire.transport === 'ws') plain.close()
    else if (wire.transport !== 'http') plain.end()
  }
}

/** The client generated with promises. */
export interface Client {
  add(a: number, b: number): Promise<number>
  echo(s: string): Promise<string>
  nest(n: unknown): Promise<unknown>
  ping(): Promise<void>
  fire(s: string): Promise<void>
  declared(why: string): Promise<number>
  undeclared(why: string): Promise<number>
  big(bytes: Buffer): Promise<Buffer>
}

/**
 * Fires until the server has heard of it; resolves to how many calls that took. By HTTP each call is a request of its own,
 * which another may overtake: whoever asks afterwards is told the same, whatever overtakes what.
 */
export async function fireUntilHeard(wire: Wire, port: number): Promise<number> {
  for (let calls = 2; ; calls += 2) {
    const heard = await withNpmClient(wire, port, async (client) => {
      await client.fire('fired')
      return client.echo('fired?')
    })
    if (heard === 'fired') return calls
  }
}

/** How many calls {@link callEverything} makes. */
export const CALLS = 29

/** Calls everything once, and one thing 20 times at once; resolves to what came of each call. */
export async function callEverything(client: Client, blobBytes = 200_000): Promise<unknown[]> {
  const leaf = new Leaf({ id: 7, name: 'leaf' })
  const leaves = [leaf, new Leaf({ id: -1, name: '' })]
  const nested = new Nested({ leaf, leaves, byName: { größe: leaf } })
  const blob = Buffer.alloc(blobBytes)
  for (let i = 0; i < blob.length; i++) blob[i] = i % 251
  const said: unknown[] = [await client.add(2, 3), await client.echo('größe ☂ 数')]
  assert.deepEqual(await client.nest(nested), nested)
  said.push(await client.ping())
  await client.fire('fired')
  said.push(await client.echo('fired?'))
  for (const fails of ['declared', 'undeclared'] as const) {
    const error = await client[fails]('why').catch((error: unknown) => error)
    said.push([
      error instanceof Error && error.constructor.name,
      error instanceof Oops,
      { ...(error as object) },
    ])
  }
  said.push(await Promise.all(Array.from({ length: 20 }, (_, i) => client.add(i, 0))))
  assert.ok((await client.big(blob)).equals(blob))
  return said
}
