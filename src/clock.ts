import { performance } from 'node:perf_hooks'

// Taken once: a test suite that fakes timers must not fake ours.
const monotonicMs = performance.now.bind(performance)
const wallMs = Date.now.bind(Date)

/** How far the anchor may stand from the wall clock, in µs, before it is set anew. */
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
