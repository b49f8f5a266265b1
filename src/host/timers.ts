import { clearTimeout, setImmediate, setTimeout } from 'node:timers'

/*
 * Every timer of ours begins here, by functions that were taken when this file was loaded: a test that fakes timers
 * later must neither see ours nor stop them. They are Node's own and not the globals, since a test environment may
 * replace those: jsdom's timers are numbers. A test may also load us under its fake time. What @sinonjs/fake-timers
 * (and so Jest, Vitest and Sinon) puts in the place of a function knows the function that it replaces.
 */

/** `setTimeout`, Node's own. */
export const startTimer: (fn: () => void, ms: number) => NodeJS.Timeout = genuine(setTimeout)
/** `clearTimeout`, Node's own. */
export const stopTimer: (timer: NodeJS.Timeout | undefined) => void = genuine(clearTimeout)
/** `setImmediate`, Node's own. */
export const onImmediate: <A extends unknown[]>(fn: (...args: A) => void, ...args: A) => NodeJS.Immediate =
  genuine(setImmediate)
/** `queueMicrotask`, Node's own. */
export const onMicrotask: (fn: () => void) => void = genuine(queueMicrotask)
/** `process.nextTick`, Node's own. */
export const onNextTick: <A extends unknown[]>(fn: (...args: A) => void, ...args: A) => void = genuineOf(
  process,
  'nextTick',
).bind(process)
/** `Math.random` as it was: a test that fixes it must not fix ours. */
export const random: () => number = Math.random

/** A method as it was before it was faked. */
export function genuineOf<T, K extends keyof T>(owner: T, method: K): T[K] {
  return genuine(owner[method] as (...args: never[]) => unknown) as T[K]
}

/** The function itself, or the one that a fake stands for. Never throws. */
export function genuine<F extends (...args: never[]) => unknown>(fn: F): F {
  try {
    const { clock } = fn as { clock?: Record<string, unknown> }
    const real = clock?.[`_${fn.name}`]
    return typeof real === 'function' ? (real as F) : fn
  } catch {
    return fn
  }
}
