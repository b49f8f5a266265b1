import type { Socket } from 'node:net'
import type { Endpoint } from '../../codec/zipkin-span.ts'
import { nodeNet } from './modules.ts'
import { endpoint } from '../protocols/endpoint.ts'
import { showAsOneWord } from '../hooks/inspected.ts'
import { overhear } from '../hooks/overheard.ts'

const CONNECTION = Symbol.for('tdist.connection')

type TracedSocket = Socket & { [CONNECTION]?: Connection }

/** A call that ends with its connection, should nothing else end it. */
export interface OnConnection {
  /** The connection is gone. */
  lost(): void
}

/** What is known of a socket that HTTP uses: its other end, and the calls that are under way on it. */
export class Connection {
  readonly #calls: OnConnection[] = []
  #remote: Endpoint | undefined

  /** The endpoint at the other end, worked out once. */
  remoteOf(socket: Socket): Endpoint | undefined {
    if (this.#remote === undefined) {
      const remote = endpoint(socket.remoteAddress, socket.remotePort)
      this.#remote = remote && Object.freeze(remote)
    }
    return this.#remote
  }

  add(call: OnConnection): void {
    this.#calls.push(call)
  }

  remove(call: OnConnection): void {
    const calls = this.#calls
    // Nearly always there is one call.
    if (calls[calls.length - 1] === call) calls.pop()
    else if (calls.includes(call)) calls.splice(calls.indexOf(call), 1)
  }

  closed(): void {
    for (const call of this.#calls.splice(0)) call.lost()
  }
}

showAsOneWord(Connection)

/** What is known of a socket of Node's; undefined for any other, whose end we do not hear. */
export function connectionOf(socket: unknown): Connection | undefined {
  if (!socket) return undefined
  const known = (socket as TracedSocket)[CONNECTION]
  if (known !== undefined) return known
  if (!(socket instanceof nodeNet().Socket)) return undefined
  const connection = new Connection()
  Reflect.defineProperty(socket, CONNECTION, { value: connection, configurable: true })
  if ((socket as TracedSocket)[CONNECTION] !== connection) {
    // The socket that HTTP/2 shows for a stream keeps it elsewhere.
    Reflect.deleteProperty(socket, CONNECTION)
    return undefined
  }
  // This socket alone, not the prototype: sockets that speak no HTTP emit more than any other emitter.
  overhear(socket, 'node:http', (_, event) => event === 'close' && connection.closed())
  return connection
}
