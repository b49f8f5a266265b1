import type { ZipkinSpan } from '../../../src/codec/zipkin-span.ts'
import { describe, warn } from '../log.ts'
import { backoff, pause } from './sources/kinesis/pause.ts'
import { bodyOf, countSpans, type SpanMessage, takeBatch, toMessage } from './span-message.ts'

export interface ZipkinForwarderOptions {
  /** The base URL of a Zipkin server, as `http://127.0.0.1:9411`, or the whole URL of its `/api/v2/spans`. */
  readonly url: string
  /** While more bytes than this are held, `add` waits. Default 16 MiB. */
  readonly maxBytes?: number | undefined
  /** How long one POST may take, in milliseconds. Default 10 s. */
  readonly timeoutMs?: number | undefined
}

/** What a forwarder counts. Each span that was added is sent, rejected, unsent or held. */
export interface ZipkinForwarderStats {
  sent: number
  /** Spans that the server refused for good, with a 4xx or a redirect. */
  rejected: number
  /** Spans given up at `close`; a POST cut short may still have arrived. */
  unsent: number
  /** Spans held now. */
  held: number
  posts: number
  retries: number
}

/**
 * Posts spans to a Zipkin server as they come, one POST at a time. Lists in proto3 or JSON pass through as they are.
 * A server that fails or cannot be reached is tried again until it takes them, so `add` waits once the queue is full;
 * what it refuses is counted and said once a minute.
 */
export class ZipkinForwarder {
  readonly #url: string
  readonly #maxBytes: number
  readonly #timeoutMs: number
  readonly #stats: ZipkinForwarderStats = { sent: 0, rejected: 0, unsent: 0, held: 0, posts: 0, retries: 0 }
  readonly #stop = new AbortController()
  #posting: AbortController | undefined
  #queue: SpanMessage[] = []
  #bytes = 0
  #sending: Promise<void> | undefined
  #room: (() => void)[] = []

  constructor(options: ZipkinForwarderOptions) {
    this.#url = spansUrl(options.url)
    this.#maxBytes = options.maxBytes ?? 16 << 20
    this.#timeoutMs = options.timeoutMs ?? 10_000
  }

  stats(): ZipkinForwarderStats {
    return { ...this.#stats }
  }

  /**
   * Takes the spans of one record. Resolves when no more than `maxBytes` are held, mostly at once. Who waits for it
   * before adding the next record exceeds that by one record at most.
   */
  async add(spans: readonly ZipkinSpan[], record: Uint8Array): Promise<void> {
    this.#stats.held += spans.length
    const message = toMessage(spans, record)
    this.#queue.push(message)
    this.#bytes += message.body.byteLength
    if (this.#stop.signal.aborted) this.#giveUp()
    else this.#sending ??= this.#send()
    while (this.#bytes > this.#maxBytes) {
      await new Promise<void>((resolve) => this.#room.push(resolve))
    }
  }

  /** Waits until all is sent, for `deadlineMs` at most, and counts the rest as unsent. */
  async close(deadlineMs = 5000): Promise<void> {
    const stop = (): void => {
      this.#stop.abort()
      this.#posting?.abort()
    }
    const timer = setTimeout(stop, deadlineMs)
    await this.#sending
    clearTimeout(timer)
    stop()
    this.#giveUp()
  }

  async #send(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stop.signal.aborted) {
      const left = await this.#deliver(takeBatch(this.#queue))
      this.#queue.unshift(...left)
    }
    this.#sending = undefined
  }

  /** Posts until the server answers for good; returns what is not delivered when told to stop before. */
  async #deliver(batch: readonly SpanMessage[]): Promise<readonly SpanMessage[]> {
    const spans = countSpans(batch)
    for (let failures = 0; !this.#stop.signal.aborted; failures++) {
      let problem: string
      try {
        const status = await this.#post(batch)
        if (status < 300) {
          this.#stats.sent += spans
          this.#release(batch)
          return []
        }
        problem = `answered ${status}`
        if (status < 500 && status !== 408 && status !== 429) {
          if (isOfTheBody(status) && batch.length > 1) return await this.#deliverOneByOne(batch)
          this.#stats.rejected += spans
          const remedy = status < 400 ? '; give the address that takes spans itself' : ''
          warn('zipkin.rejected', `${this.#url} ${problem}: ${spans} spans are lost${remedy}`)
          this.#release(batch)
          return []
        }
      } catch (error) {
        if (this.#stop.signal.aborted) break
        const { cause } = error as Error
        problem = `cannot be reached: ${describe(cause instanceof Error ? cause : error)}`
      }
      warn('zipkin.retry', `${this.#url} ${problem}; trying again`)
      this.#stats.retries++
      await pause(backoff(failures), this.#stop.signal)
    }
    return batch
  }

  /** One record that Zipkin cannot take must not cost the others. */
  async #deliverOneByOne(batch: readonly SpanMessage[]): Promise<readonly SpanMessage[]> {
    const left: SpanMessage[] = []
    for (const message of batch) left.push(...(await this.#deliver([message])))
    return left
  }

  async #post(batch: readonly SpanMessage[]): Promise<number> {
    this.#stats.posts++
    const posting = new AbortController()
    this.#posting = posting
    const timer = setTimeout(() => posting.abort(new Error('no answer in time')), this.#timeoutMs)
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': batch[0]!.isProto3 ? 'application/x-protobuf' : 'application/json' },
        body: bodyOf(batch),
        signal: posting.signal,
        // A POST that is sent elsewhere would arrive there as a GET, without its spans.
        redirect: 'manual',
      })
      await response.arrayBuffer()
      return response.status
    } finally {
      clearTimeout(timer)
    }
  }

  #release(batch: readonly SpanMessage[]): void {
    for (const { body, spans } of batch) {
      this.#bytes -= body.byteLength
      this.#stats.held -= spans
    }
    for (const wake of this.#room.splice(0)) wake()
  }

  #giveUp(): void {
    const left = this.#queue
    this.#queue = []
    const spans = countSpans(left)
    if (spans > 0)
      warn('zipkin.unsent', `${this.#url} did not take ${spans} spans before the end: they are lost`)
    this.#stats.unsent += spans
    this.#release(left)
  }
}

/** Whether the server refused what was sent, so that it may take another record. */
function isOfTheBody(status: number): boolean {
  return status === 400 || status === 413 || status === 415 || status === 422
}

function spansUrl(url: string): string {
  const { pathname, origin } = new URL(url)
  return pathname.endsWith('/spans') ? url : `${origin}${pathname.replace(/\/$/, '')}/api/v2/spans`
}
