import { randomFillSync } from 'node:crypto'

/*
 * IDs are cut from a pool of random bytes: one call into the random source serves 512 span IDs. `toString` copies,
 * so an ID that outlives its span keeps nothing else alive.
 */
const pool = Buffer.allocUnsafe(4096)
let used = pool.length

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return pool.toString('hex', used, (used += bytes))
}

const ZERO = '0000000000000000'

/** A new span ID: 16 lower-hex characters, never all zero. */
export function newSpanId(): string {
  const id = randomHex(8)
  return id === ZERO ? newSpanId() : id
}

let second = 0
let secondHex = ''

/**
 * A new trace ID of 16 or 32 lower-hex characters. The 128-bit one begins with the epoch second, as Brave's
 * does, so that it can be turned into an AWS X-Ray ID and sorts by age.
 */
export function newTraceId(traceId128: boolean): string {
  if (!traceId128) return newSpanId()
  const now = Math.floor(Date.now() / 1000)
  if (now !== second) {
    second = now
    secondHex = now.toString(16).padStart(8, '0')
  }
  const random = randomHex(12)
  return random.endsWith(ZERO) ? newTraceId(true) : secondHex + random
}
