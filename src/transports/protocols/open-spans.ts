import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { ServiceSpan } from '../../span/service-span.ts'
import { ticks } from '../../host/clock.ts'
import { isNodeRealm, nodeRealm, ofNodeRealm } from '../../host/node-realm.ts'
import { startTimer } from '../../host/timers.ts'

/** How long a call may be under way, in milliseconds, before we ask whether anything will end it. */
const AGE_MS = 600_000
/** The same where there are more than {@link MANY} calls, in milliseconds: so many come of calls that never end. */
const PRESSED_MS = 60_000
const MANY = 10_000
/** The most calls that are ended at once: a thousand take about a millisecond. */
const AT_ONCE = 1000

/** A call whose span is recorded and has not ended. */
export interface Ageing {
  readonly span: ServiceSpan | undefined
  /** The name by which it is counted when it is ended for its age: `http server`. */
  readonly place: string
  /** Whether something is known that will end it. Then it stays, however old it is. */
  isAlive(): boolean
  /** Is called when nothing has ended the call in time. Finishes the span, with an error where that is one. */
  outlived(): void
}

/** A call in a list, between the one that came before it and the one that came after. */
export class Open {
  readonly call: Ageing | undefined
  readonly #list: OpenSpans
  before: Open = this
  after: Open = this
  /** From when its age counts, in ticks; undefined where that is the start of its span. */
  since: number | undefined

  constructor(list: OpenSpans, call: Ageing | undefined) {
    this.#list = list
    this.call = call
    this.since = undefined
  }

  /** Takes the call out of the list: it has ended. A second call does nothing. */
  close(): void {
    this.#list.remove(this)
  }
}

/**
 * The calls of one tracing that are under way, in the order in which they began. A call that nothing ends is ended for
 * its age: its span gets the tag `tdist.ended` and is reported, and holds no more memory. Every request comes here and
 * goes, so the list is a chain: to add and to remove looks at no clock, and sets a timer once a minute at most.
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

  /** Adds a call that has just begun. Returns its place in the list, to be closed when the call ends. */
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

  /** Takes a call out of the list: it has ended. A second time it does nothing. */
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

  /** Ends the calls that are over their age. The timer calls it. */
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

/** The age of a call in ticks: since it began, or was last known to be alive. Infinite for a finished one. */
function ageOf({ since, call }: Open): number {
  const began = since ?? call!.span?.began
  return began === undefined ? Infinity : ticks() - began
}

/** A function for a timer. It does not keep alive a realm that may end before the time has come. */
const sweeping = ofNodeRealm((list: WeakRef<OpenSpans>) => () => list.deref()?.sweep())

const lists = new WeakMap<ServiceTracing, Map<number, OpenSpans>>()

/** The list of a tracing's calls that may get so old, in milliseconds; by default ten minutes. */
export function openSpansOf(tracing: ServiceTracing, ageMs: number = AGE_MS): OpenSpans {
  let byAge = lists.get(tracing)
  if (byAge === undefined) lists.set(tracing, (byAge = new Map()))
  let list = byAge.get(ageMs)
  if (list === undefined) byAge.set(ageMs, (list = new OpenSpans(tracing, ageMs)))
  return list
}
