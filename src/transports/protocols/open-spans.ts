import { ticks } from '../../host/clock.ts'
import { isNodeRealm, nodeRealm, ofNodeRealm } from '../../host/node-realm.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import { startTimer } from '../../host/timers.ts'
import type { ServiceTracing } from '../../tracing/service-tracing.ts'

/** How long a call may be under way, in milliseconds, before it is asked whether anything will end it. */
const AGE_MS = 600_000
/** How long where there are more than {@link MANY}: such a number grows by what never ends. */
const PRESSED_MS = 60_000
const MANY = 10_000
/** Ended in one go at most; a thousand take about a millisecond. */
const AT_ONCE = 1000

/** A call whose span is recorded and has not ended. */
export interface Ageing {
  readonly span: ServiceSpan | undefined
  /** As what it is counted: `http server`. */
  readonly place: string
  /** Whether it is known that something will still end it: it stays, however old. */
  isAlive(): boolean
  /** Nothing has ended it. Says what is to be said of that, and finishes the span. */
  outlived(): void
}

/** A call in a list, between the one that came before it and the one that came after. */
export class Open {
  readonly call: Ageing | undefined
  readonly #list: OpenSpans
  before: Open = this
  after: Open = this
  /** Since when it counts, in ticks, where that is not the start of its span. */
  since: number | undefined

  constructor(list: OpenSpans, call: Ageing | undefined) {
    this.#list = list
    this.call = call
    this.since = undefined
  }

  /** The call has ended. A second time it is nothing. */
  close(): void {
    this.#list.remove(this)
  }
}

/**
 * The calls of one tracing that are under way, in the order in which they began. What nothing ends is ended by its age:
 * its span is reported, says so, and holds no more memory. As a chain, for every request comes here and goes: it takes
 * no time to speak of, looks at no clock and arms a timer once a minute at most.
 */
export class OpenSpans {
  readonly #tracing: ServiceTracing
  readonly #ageMs: number
  /** The oldest comes after it, the youngest before it. */
  readonly #ends: Open = new Open(this, undefined)
  #count = 0
  #isArmed = false

  constructor(tracing: ServiceTracing, ageMs: number) {
    this.#tracing = tracing
    this.#ageMs = ageMs
  }

  /** Of a call that has begun just now; close what is returned when it has ended. */
  add(call: Ageing): Open | undefined {
    try {
      const open = new Open(this, call)
      this.#append(open)
      if (!this.#isArmed) this.#wakeIn(Math.min(this.#ageMs, PRESSED_MS))
      return open
    } catch (error) {
      this.#tracing.failed('open spans', error)
      return undefined
    }
  }

  /** As {@link Open.close}. */
  remove(open: Open): void {
    try {
      if (open.after === open) return
      open.before.after = open.after
      open.after.before = open.before
      open.before = open.after = open
      this.#count--
    } catch (error) {
      this.#tracing.failed('open spans', error)
    }
  }

  #append(open: Open): void {
    const ends = this.#ends
    open.after = ends
    open.before = ends.before
    ends.before.after = open
    ends.before = open
    this.#count++
  }

  #wakeIn(ms: number): void {
    this.#isArmed = true
    const wake = isNodeRealm ? () => this.sweep() : sweeping(new nodeRealm.WeakRef<OpenSpans>(this))
    // Outside any trace: the timer would keep the first caller's scope.
    this.#tracing.dataManager.untraced(() => startTimer(wake, ms)).unref()
  }

  /** Ends what is over its age: the timer calls it. */
  sweep(): void {
    try {
      this.#isArmed = false
      const ageMs = this.#count > MANY ? Math.min(this.#ageMs, PRESSED_MS) : this.#ageMs
      for (let ended = 0; this.#count > 0; ended++) {
        if (ended === AT_ONCE) return this.#wakeIn(1)
        const oldest = this.#ends.after
        const leftMs = ageMs - ageOf(oldest) / 1000
        if (leftMs > 0) return this.#wakeIn(Math.min(Math.ceil(leftMs), PRESSED_MS))
        this.remove(oldest)
        this.#outlived(oldest)
      }
    } catch (error) {
      this.#tracing.failed('open spans', error)
    }
  }

  #outlived(open: Open): void {
    const call = open.call!
    try {
      const { span, place } = call
      if (span?.recording) {
        if (call.isAlive()) {
          open.since = ticks()
          return this.#append(open)
        }
        span.tag('tdist.ended', 'age')
        const { endedByAge } = this.#tracing
        endedByAge[place] = (endedByAge[place] ?? 0) + 1
      }
      call.outlived()
    } catch (error) {
      this.#tracing.failed(call.place, error)
    }
  }
}

/** How long the call has been under way, or known to be alive, in ticks. What is finished already has no age left. */
function ageOf({ since, call }: Open): number {
  const began = since ?? call!.span?.began
  return began === undefined ? Infinity : ticks() - began
}

/** What a timer calls that keeps no realm alive which may be over before its time has come. */
const sweeping = ofNodeRealm((list: WeakRef<OpenSpans>) => () => list.deref()?.sweep())

const lists = new WeakMap<ServiceTracing, Map<number, OpenSpans>>()

/** The calls of this tracing that may get so old, by default ten minutes. */
export function openSpansOf(tracing: ServiceTracing, ageMs: number = AGE_MS): OpenSpans {
  let byAge = lists.get(tracing)
  if (byAge === undefined) lists.set(tracing, (byAge = new Map()))
  let list = byAge.get(ageMs)
  if (list === undefined) byAge.set(ageMs, (list = new OpenSpans(tracing, ageMs)))
  return list
}
