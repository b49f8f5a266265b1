import type { Writable } from 'node:stream'
import type { Account } from '../account.ts'
import type { Consumer } from './consumer.ts'
import { eventMessage } from '../wire/event-stream.ts'
import { readPage } from './read-page.ts'
import type { Shard } from './shard.ts'
import { TokenBucket } from './token-bucket.ts'

const idleMs = 5000
const eventRecords = 1000
const eventBytes = 1 << 20

/** Records pushed to one consumer from one shard, as they come, until the shard or the subscription's time ends. */
export class Subscription {
  readonly #account: Account
  readonly #consumer: Consumer
  readonly #shard: Shard
  readonly #pace: TokenBucket
  readonly #watcher = (): void => this.#push()
  #next: number
  #output: Writable | undefined
  #paused = false
  #cancelBeat = (): void => {}
  #cancelEnd = (): void => {}
  #cancelWait = (): void => {}

  constructor(account: Account, consumer: Consumer, shard: Shard, from: number) {
    this.#account = account
    this.#consumer = consumer
    this.#shard = shard
    this.#next = from
    this.#pace = new TokenBucket(account.settings.limits.readBytesPerSecond, account.now())
  }

  /** Begins to push to a response whose headers are sent. */
  start(output: Writable): void {
    this.#output = output
    const { subscriptions } = this.#consumer
    subscriptions.get(this.#shard.id)?.end('ResourceInUseException', 'Another subscription took over.')
    subscriptions.set(this.#shard.id, {
      since: this.#account.now(),
      end: (type, message) => this.#fail(type, message),
    })
    this.#shard.watchers.add(this.#watcher)
    this.#cancelEnd = this.#account.after(this.#account.settings.subscriptionMs, () => this.#finish())
    output.once('close', () => this.#stop())
    output.write(eventMessage({ ':message-type': 'event', ':event-type': 'initial-response' }, '{}'))
    this.#beat()
  }

  /** Sends an event even when there is no record: the consumer keeps its place and sees that the connection is alive. */
  #beat(): void {
    this.#push(true)
    if (this.#output) this.#cancelBeat = this.#account.after(idleMs, () => this.#beat())
  }

  #push(evenIfEmpty = false): void {
    while (this.#output && !this.#paused) {
      const page = readPage(this.#shard, this.#next, eventRecords, eventBytes)
      const ended = this.#shard.endsAt(page.next)
      if (page.records.length === 0 && !ended && !evenIfEmpty) return
      evenIfEmpty = false

      const now = this.#account.now()
      const waitMs = this.#pace.waitMs(page.bytes, now)
      if (waitMs > 0) return this.#resumeAfter(waitMs)
      this.#pace.take(page.bytes)
      this.#next = page.next
      const event = {
        Records: page.records,
        ContinuationSequenceNumber: this.#shard.sequenceNumber(page.next - 1),
        MillisBehindLatest: this.#shard.behind(page.next, now),
        ChildShards: ended ? this.#shard.describeChildren() : undefined,
      }
      const headers = { ':message-type': 'event', ':event-type': 'SubscribeToShardEvent' }
      if (!this.#output.write(eventMessage(headers, JSON.stringify(event)))) {
        this.#paused = true
        this.#output.once('drain', () => {
          this.#paused = false
          this.#push()
        })
      }
      if (ended) this.#finish()
    }
  }

  #resumeAfter(ms: number): void {
    this.#paused = true
    this.#cancelWait = this.#account.after(ms, () => {
      this.#paused = false
      this.#push()
    })
  }

  #fail(type: string, message: string): void {
    const headers = { ':message-type': 'exception', ':exception-type': type }
    this.#output?.write(eventMessage(headers, JSON.stringify({ message })))
    this.#finish()
  }

  #finish(): void {
    this.#output?.end()
    this.#stop()
  }

  #stop(): void {
    this.#output = undefined
    this.#cancelBeat()
    this.#cancelWait()
    this.#cancelEnd()
    this.#shard.watchers.delete(this.#watcher)
  }
}
