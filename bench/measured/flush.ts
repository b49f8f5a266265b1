import { ownTracing } from './own-tracing.ts'

const KEY = Symbol.for('tdist.bench.flush')
const holder = globalThis as { [KEY]?: () => Promise<unknown> }

/** Tells how a tracer of another make sends what it has queued. */
export function flushWith(flush: () => Promise<unknown>): void {
  holder[KEY] = flush
}

/** Has whatever tracer is in this process send what it has queued. */
export async function flushSpans(): Promise<void> {
  await holder[KEY]?.()
  await (await ownTracing())?.flush()
}
