import { hash } from 'node:crypto'

/**
 * A point in the 128-bit space that shards divide among themselves, as 32 lower-hex digits: these compare as
 * strings, which is far cheaper than as big integers. On the wire it is a decimal number.
 */
export type HashKey = string

/** The two ends of a shard's part of the space, both inclusive. */
export interface HashRange {
  readonly start: HashKey
  readonly end: HashKey
}

const size = 1n << 128n

/** Where a partition key falls: its MD5, as AWS defines it. */
export function hashPartitionKey(partitionKey: string): HashKey {
  return hash('md5', partitionKey, 'hex')
}

/** Reads a decimal hash key; undefined when it is outside the space. */
export function parseHashKey(decimal: string): HashKey | undefined {
  const value = BigInt(decimal)
  return value < size ? toHex(value) : undefined
}

/** A hash key as it goes over the wire. */
export function formatHashKey(key: HashKey): string {
  return BigInt(`0x${key}`).toString()
}

/** The key just below another. */
export function before(key: HashKey): HashKey {
  return toHex(BigInt(`0x${key}`) - 1n)
}

/** Where each of `count` equal parts of the whole space begins. */
export function evenStarts(count: number): HashKey[] {
  return Array.from({ length: count }, (_, i) => toHex((size * BigInt(i)) / BigInt(count)))
}

/** Where the whole space ends. */
export const lastHashKey: HashKey = 'f'.repeat(32)

function toHex(value: bigint): HashKey {
  return value.toString(16).padStart(32, '0')
}
