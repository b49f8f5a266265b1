import { monotonicMs } from '../host/clock.ts'
import { warn } from '../host/log.ts'

/** Decides whether a new trace is recorded. Asked once a trace, where it begins. */
export interface Sampler {
  /** Whether the new trace with this ID is recorded. */
  isSampled(traceId: string): boolean
}

/** Records every trace. */
export const always: Sampler = { isSampled: () => true }

/** Records no new trace. A trace that comes with a decision keeps it. */
export const never: Sampler = { isSampled: () => false }

/**
 * Records this share of traces, from 0 to 1. The trace ID's low 32 bits decide, so every service with the same
 * rate decides alike. A rate that is no number from 0 to 1 records nothing, and a line on standard error says so.
 */
export function sampleRate(rate: number): Sampler {
  if (!(rate >= 0 && rate <= 1)) {
    return refused(`sampleRate(${String(rate)}) is not a share of traces; give a number from 0 to 1`)
  }
  if (rate === 1) return always
  if (rate === 0) return never
  const boundary = rate * 2 ** 32
  return { isSampled: (traceId) => Number.parseInt(traceId.slice(-8), 16) < boundary }
}

/**
 * Records at most this many traces a second. The allowance comes in tenths of a second, so a burst at the
 * second's beginning does not use all of it. What is no number from 0 on records nothing, and a line on standard error
 * says so.
 */
export function samplePerSecond(traces: number): Sampler {
  if (!(traces >= 0 && Number.isFinite(traces))) {
    return refused(`samplePerSecond(${String(traces)}) is not a number of traces; give 0 or more`)
  }
  return traces === 0 ? never : perSecond(traces, monotonicMs)
}

/** As {@link samplePerSecond}, by a clock that counts milliseconds. */
export function perSecond(traces: number, now: () => number): Sampler {
  const tenth = traces / 10
  let allowance = Math.max(1, tenth)
  let tick = Math.floor(now() / 100)
  return {
    isSampled() {
      const ticks = Math.floor(now() / 100) - tick
      if (ticks !== 0) {
        tick += ticks
        // A pause refills one tenth, not the whole pause.
        allowance = Math.min(Math.max(1, tenth), allowance + tenth * Math.min(ticks, 10))
      }
      if (allowance < 1) return false
      allowance--
      return true
    },
  }
}

// A service must not fail to start for the rate it was given.
function refused(why: string): Sampler {
  warn(why, `no trace is sampled: ${why}`)
  return never
}
