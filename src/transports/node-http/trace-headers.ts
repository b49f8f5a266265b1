import type { ClientRequest } from 'node:http'
import { failed } from '../../host/faults.ts'
import { nodeHttp } from './modules.ts'
import type { TracedClient } from '../http-clients/client-calls.ts'
import { installOnce } from '../hooks/install-once.ts'
import { patch, uninstallAll, type Uninstall } from '../../host/patch.ts'
import { signedHeaders } from '../http-clients/signed-headers.ts'

type Send = (this: ClientRequest, ...args: unknown[]) => unknown

/** What each request is to go out with. Not on the request: V8 keeps what stood there, and so the realm of a test. */
const kept = new WeakMap<ClientRequest, TraceHeaders>()

/** All that sends a request's headers, if they have not gone. */
const SENDERS = ['write', 'end', 'flushHeaders'] as const

/**
 * The trace headers that a request was given when it was made. Until they go out anybody may set others: who follows a
 * redirection by hand sets what the request before had, and a proxy what came to it. They give way to these, as do
 * those that are there from the beginning.
 */
export class TraceHeaders {
  readonly #client: TracedClient<never>
  readonly #request: ClientRequest
  /** Names and values in turn. */
  readonly #given: string[] = []
  /** The values by the client's names, once all are given. */
  readonly #values: unknown[] = []

  constructor(client: TracedClient<never>, request: ClientRequest) {
    this.#client = client
    this.#request = request
  }

  /** Gives the request one. */
  set(name: string, value: string): void {
    this.#request.setHeader(name, value)
    this.#given.push(name, value)
  }

  /** All are given: from now on the request is to keep them. */
  keep(): void {
    for (const name of this.#client.names) this.#values.push(this.#request.getHeader(name))
    kept.set(this.#request, this)
  }

  /** The headers are about to go. What was only removed stays so: somebody wants none there. */
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

/** Has requests go out with the trace headers that they keep. */
export const keepTraceHeaders: () => Uninstall = installOnce(() => {
  const { prototype } = nodeHttp().ClientRequest
  return uninstallAll(
    SENDERS.map((name) => patch(prototype as never, name, (own: Send) => sending(name, own))),
  )
})

function sending(name: (typeof SENDERS)[number], own: Send): Send {
  const { prototype } = nodeHttp().ClientRequest
  // As a rule it is inherited: who replaces it there, whenever that is, is asked.
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
