import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { AddressInfo, Server, Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Wire } from './thrift-peer.ts'

const require = createRequire(import.meta.url)
const GENERATED = fileURLToPath(new URL('../../../test/thrift/gen-es6/', import.meta.url))
// oxlint-disable-next-line typescript/no-explicit-any -- the package brings no types
const thrift: any = require('thrift')
// oxlint-disable-next-line typescript/no-explicit-any -- generated code has no types either
export const Service: any = require(`${GENERATED}Service.js`)
const { Leaf, Nested, Oops } = require(`${GENERATED}service_types.js`)

const PROTOCOLS: Record<string, unknown> = {
  binary: thrift.TBinaryProtocol,
  compact: thrift.TCompactProtocol,
  json: thrift.TJSONProtocol,
}
const TRANSPORTS: Record<string, unknown> = {
  buffered: thrift.TBufferedTransport,
  framed: thrift.TFramedTransport,
  nonblocking: thrift.TFramedTransport,
  http: thrift.TBufferedTransport,
}

/** What both ends of npm's thrift are told of a wire. Some peers have two implementations of one protocol. */
function options({ transport, protocol }: Wire): { transport: unknown; protocol: unknown } {
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

/** A server of npm's thrift; `wrap` gets its processor. */
export async function startNpmServer(
  wire: Wire,
  wrap: Wrap = asIs,
): Promise<{ port: number; close(): Promise<void> }> {
  let processor = new Service.Processor(new Handler())
  if (wire.processor === 'mux') {
    const service = processor
    processor = new thrift.MultiplexedProcessor()
    processor.registerProcessor('Service', service)
  }
  processor = wrap(processor)
  const server: Server =
    wire.transport === 'http'
      ? thrift.createWebServer({ services: { '/': { processor, ...options(wire) } } })
      : thrift.createMultiplexServer(processor, options(wire))
  // A message that is no message ends the process where nobody listens.
  server.on('error', () => {})
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** A client of npm's thrift; `wrap` gets its connection. */
export async function withNpmClient<T>(
  wire: Wire,
  port: number,
  use: (client: Client) => Promise<T>,
  wrap: Wrap = asIs,
): Promise<T> {
  const isHttp = wire.transport === 'http'
  const create = isHttp ? thrift.createHttpConnection : thrift.createConnection
  const plain = create('127.0.0.1', port, { ...options(wire), path: '/' })
  const connection = wrap(plain)
  const client =
    wire.processor === 'mux'
      ? new thrift.Multiplexer().createClient('Service', Service, connection)
      : thrift.createClient(Service, connection)
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
    if (!isHttp) plain.end()
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

/** How many calls {@link callEverything} makes. */
export const CALLS = 29

/** Calls everything once, and one thing 20 times at once; resolves to what came of each call. */
export async function callEverything(client: Client): Promise<unknown[]> {
  const leaf = new Leaf({ id: 7, name: 'leaf' })
  const leaves = [leaf, new Leaf({ id: -1, name: '' })]
  const nested = new Nested({ leaf, leaves, byName: { größe: leaf } })
  const blob = Buffer.alloc(200_000)
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
