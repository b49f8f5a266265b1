import { performance } from 'node:perf_hooks'

// Taken once: a test suite that fakes timers must not fake ours.
const monotonicMs = performance.now.bind(performance)
const wallMs = Date.now.bind(Date)

/** How far the process's anchor may stand from the wall clock, in µs, before a new local root re-anchors. */
const TOLERANCE = 2000

let anchor = wallMs() * 1000 - monotonicMs() * 1000

/**
 * The clock of one local root: what to add to the monotonic time to get epoch microseconds. Every span below
 * the root uses the root's clock, so within a process a trace's times have microseconds and never run
 * backwards, and yet a process that is up for months follows the wall clock (Brave's TickClock).
 */
export type Clock = number

/** The clock for a new local root. */
export function newClock(): Clock {
  const wall = wallMs() * 1000
  const ours = anchor + monotonicMs() * 1000
  if (ours - wall > TOLERANCE || wall - ours > TOLERANCE) anchor += wall - ours
  return anchor
}

/** Epoch microseconds by this clock, a whole number. */
export function now(clock: Clock): number {
  return Math.round(clock + monotonicMs() * 1000)
}
