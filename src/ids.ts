/** Loaded with the first ID: it costs more to start than all of tdist's own code. */
let randomFillSync: typeof import('node:crypto').randomFillSync | undefined

/*
 * IDs are cut from a pool of random bytes: one call into the random source serves hundreds. `toString` makes a string
 * of its own each time, so an ID that outlives its span keeps nothing else alive.
 */
const pool = Buffer.allocUnsafe(4096)
let used = pool.length

/** The offset of so many fresh random bytes. */
function take(bytes: number): number {
  if (used + bytes > pool.length) {
    randomFillSync ??= process.getBuiltinModule('node:crypto').randomFillSync
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return used - bytes
}

const ZERO = '0000000000000000'

/** A new span ID: 16 lower-hex characters, never all zero. */
export function newSpanId(): string {
  const at = take(8)
  const id = pool.toString('hex', at, at + 8)
  return id === ZERO ? newSpanId() : id
}

/**
 * A new trace ID of 16 or 32 lower-hex characters. The 128-bit one begins with the epoch second, as Brave's
 * does, so that it can be turned into an AWS X-Ray ID and sorts by age.
 */
export function newTraceId(traceId128: boolean): string {
  if (!traceId128) return newSpanId()
  const at = take(16)
  pool.writeUInt32BE(Math.floor(Date.now() / 1000) >>> 0, at)
  const id = pool.toString('hex', at, at + 16)
  return id.endsWith(ZERO) ? newTraceId(true) : id
}
