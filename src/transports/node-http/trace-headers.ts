import type { ClientRequest } from 'node:http'
import { failed } from '../../host/faults.ts'
import { nodeHttp } from './modules.ts'
import type { TracedClient } from '../http-clients/client-calls.ts'
import { installOnce } from '../hooks/install-once.ts'
import { patch, uninstallAll, type Uninstall } from '../../host/patch.ts'
import { signedHeaders } from '../http-clients/signed-headers.ts'

type Send = (this: ClientRequest, ...args: unknown[]) => unknown

/**
 * The trace headers that each request is to keep. Not on the request: V8 keeps what stood there, and so the realm of a
 * test.
 */
const kept = new WeakMap<ClientRequest, TraceHeaders>()

/** The methods that send a request's headers, if those have not gone. */
const SENDERS = ['write', 'end', 'flushHeaders'] as const

/**
 * The trace headers that a request was given when it was made. Until they go out the host may set others: one that
 * follows a redirect by itself sets those of the request before, and a proxy those that came to it. These replace them,
 * as they replace those that were there from the beginning.
 */
export class TraceHeaders {
  readonly #client: TracedClient<never>
  readonly #request: ClientRequest
  /** The names and values of the headers that were given, in turn. */
  readonly #given: string[] = []
  /** The values by the client's names, once all are given. */
  readonly #values: unknown[] = []

  constructor(client: TracedClient<never>, request: ClientRequest) {
    this.#client = client
    this.#request = request
  }

  /** Gives the request a trace header. */
  set(name: string, value: string): void {
    this.#request.setHeader(name, value)
    this.#given.push(name, value)
  }

  /** Has the request keep its trace headers: all have been given. */
  keep(): void {
    for (const name of this.#client.names) this.#values.push(this.#request.getHeader(name))
    kept.set(this.#request, this)
  }

  /**
   * Puts the trace headers back where others were set: they are about to go out. A header that was removed stays
   * removed.
   */
  restore(): void {
    if (this.#request.headersSent || !this.#isReplaced()) return
    const request = this.#request
    const signed = signedHeaders(Object.entries(request.getHeaders()), request.path)
    for (const key of this.#client.keys) if (!signed?.has(key)) request.removeHeader(key)
    for (let i = 0; i < this.#given.length; i += 2) {
      const name = this.#given[i]!
      if (!signed?.has(name.toLowerCase())) request.setHeader(name, this.#given[i + 1]!)
    }
  }

  #isReplaced(): boolean {
    let i = 0
    for (const name of this.#client.names) {
      const value = this.#request.getHeader(name)
      if (value !== this.#values[i++] && value !== undefined) return true
    }
    return false
  }
}

/** Has requests go out with the trace headers that they are to keep. */
export const keepTraceHeaders: () => Uninstall = installOnce(() => {
  const { prototype } = nodeHttp().ClientRequest
  return uninstallAll(
    SENDERS.map((name) => patch(prototype as never, name, (own: Send) => sending(name, own))),
  )
})

function sending(name: (typeof SENDERS)[number], own: Send): Send {
  const { prototype } = nodeHttp().ClientRequest
  // As a rule it is inherited. Whoever replaces it on the parent, at any time, is to be called.
  const parent = Object.getPrototypeOf(prototype) as Record<typeof name, Send>
  const owner = parent[name] === own ? parent : { [name]: own }
  return function () {
    try {
      kept.get(this)?.restore()
    } catch (error) {
      failed('node:http', error)
    }
    // oxlint-disable-next-line prefer-rest-params -- the one way to pass them all on that allocates nothing
    return owner[name]!.apply(this, arguments as unknown as unknown[])
  }
}
