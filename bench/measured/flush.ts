const KEY = Symbol.for('tdist.bench.flush')
const holder = globalThis as { [KEY]?: () => Promise<unknown> }
const ours = globalThis as { [key: symbol]: { tracing?: { flush(): Promise<void> } } | undefined }

/** Tells how a tracer of another make sends what it has queued. */
export function flushWith(flush: () => Promise<unknown>): void {
  holder[KEY] = flush
}

/** Has whatever tracer is in this process send what it has queued. Imports none: an untraced process has none. */
export async function flushSpans(): Promise<void> {
  await holder[KEY]?.()
  await ours[Symbol.for('tdist')]?.tracing?.flush()
}
