import { performance } from 'node:perf_hooks'
import { genuineOf } from './timers.ts'

/*
 * The clocks are taken once, as the timers are: a test that fakes time must not fake ours. A fake is put on the object,
 * and the object's prototype keeps Node's own. A fake `Date` is derived from the true one, or has its prototype.
 */

/**
 * Milliseconds since the process started, with a fraction; never runs backwards. All elapsed time is measured by it.
 */
export const monotonicMs: () => number = bound(performance, 'now', Object.getPrototypeOf(performance))

/** Milliseconds since the epoch, by a clock that may be set at any time. */
export const wallMs: () => number = nativeNow()

/** Monotonic milliseconds that all threads of the machine count alike. */
export function sharedMs(): number {
  return Number(hrtime()) / 1e6
}

const hrtime = bound(genuineOf(process, 'hrtime'), 'bigint')

/** How far the anchor may stand from the wall clock, in µs, before it is set again. */
const TOLERANCE = 2000
/** How often the two are compared, in µs. */
const INTERVAL = 100_000

let anchor = wallMs() * 1000 - ticks()
let compared = ticks()

/**
 * The clock of one local root: what to add to {@link ticks} to get epoch microseconds. Every span below the root
 * uses the root's clock, so within a process a trace's times have microseconds and never run backwards, and
 * yet a process that is up for months follows the wall clock (Brave's TickClock).
 */
export type Clock = number

/** Microseconds since the process started, with a fraction; never runs backwards. */
export function ticks(): number {
  return monotonicMs() * 1000
}

/** The clock for a local root that begins at these ticks. */
export function newClock(at: number): Clock {
  if (at - compared > INTERVAL) {
    compared = at
    const drift = wallMs() * 1000 - (anchor + at)
    if (Math.abs(drift) > TOLERANCE) anchor += drift
  }
  return anchor
}

/** The ticks in epoch microseconds by this clock, a whole number. */
export function epochMicros(clock: Clock, at: number): number {
  return Math.round(clock + at)
}

function nativeNow(): () => number {
  const candidates: DateConstructor[] = [Date, Object.getPrototypeOf(Date), Date.prototype.constructor]
  const isNative = ({ now }: { now?: unknown }): boolean =>
    typeof now === 'function' && Function.prototype.toString.call(now) === 'function now() { [native code] }'
  return bound(candidates.find(isNative) ?? Date, 'now')
}

/** A method of `owner`, as `from` has it where that has any. */
function bound<K extends string, R>(owner: Record<K, () => R>, method: K, from: unknown = owner): () => R {
  return ((from as Partial<typeof owner>)[method] ?? owner[method]).bind(owner)
}
