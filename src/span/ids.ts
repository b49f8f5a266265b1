import { wallMs } from '../host/clock.ts'
/** Loaded with the first ID: it costs more to start than all of tdist's own code. */
let randomFillSync: typeof import('node:crypto').randomFillSync | undefined

/*
 * IDs are cut from random bytes: one call into the random source serves hundreds, and one into the hex writer eight.
 * Only eight, because V8 cuts without copying, and an ID that outlives its span keeps its whole piece alive.
 */
const PIECE = 64
const pool = Buffer.allocUnsafe(4096)
let used = pool.length
let piece = ''
let cut = 0

const ZERO = '0000000000000000'

/** A new span ID: 16 lower-hex characters, never all zero. */
export function newSpanId(): string {
  if (cut === piece.length) {
    if (used === pool.length) {
      randomFillSync ??= process.getBuiltinModule('node:crypto').randomFillSync
      randomFillSync(pool)
      used = 0
    }
    piece = pool.toString('hex', used, used + PIECE)
    used += PIECE
    cut = 0
  }
  const id = piece.slice(cut, cut + 16)
  cut += 16
  return id === ZERO ? newSpanId() : id
}

let second = 0
let highHalf = ''

/**
 * A new trace ID of 16 or 32 lower-hex characters. The 128-bit one begins with the epoch second, as Brave's
 * does, so that it can be turned into an AWS X-Ray ID and sorts by age. The 32 bits after it are drawn anew each
 * second, the lower 64 for each ID.
 */
export function newTraceId(traceId128: boolean): string {
  if (!traceId128) return newSpanId()
  const now = Math.floor(wallMs() / 1000)
  if (now !== second) {
    second = now
    highHalf = (now >>> 0).toString(16).padStart(8, '0') + newSpanId().slice(8)
  }
  return highHalf + newSpanId()
}
