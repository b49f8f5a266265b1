import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HotShards } from '#src/publisher/senders/hot-shards.js'
import { Pacer } from '#src/publisher/delivery/pacer.js'
import { TokenBucket } from '#server/local-kinesis/stream/token-bucket.js'

const MIB = 1 << 20
const RECORD = 51_200

interface Outcome {
  /** MiB a second that were stored, the second's worth that an idle shard has saved up aside. */
  readonly stored: number
  readonly sendsPerRecord: number
}

/**
 * Two calls at a time, 30 ms each, to shards of so many MiB a second, for a minute of virtual time: what `Delivery`
 * and the Kinesis sender do, without the waiting.
 */
function simulate(shards: readonly number[], offered: number): Outcome {
  const seconds = 60
  const buckets = shards.map((perSecond) => new TokenBucket(perSecond * MIB || 1, 0))
  const names = shards.map((_, i) => `shardId-${i}`)
  const pacer = new Pacer()
  const hotShards = new HotShards()
  const calls: { end: number; results: { ShardId?: string; ErrorCode?: string; ErrorMessage?: string }[] }[] =
    []
  const random = seeded()
  let [waiting, due, sends, stored] = [0, 0, 0, 0]
  for (let now = 0; now < seconds * 1000; now++) {
    due += (offered * MIB) / 1000
    waiting = Math.min(300, waiting + Math.floor(due / RECORD))
    due %= RECORD
    while (calls[0] && calls[0].end <= now) {
      const { results } = calls.shift()!
      const refused = results.filter(({ ErrorCode }) => ErrorCode).length
      const means = hotShards.judge(results, now)
      waiting += refused
      pacer.ended((results.length - refused) * RECORD, means === 'hot' ? 0 : refused * RECORD, now)
    }
    while (calls.length < 2 && waiting > 0 && pacer.waitMs(now) === 0) {
      const count = Math.min(waiting, Math.max(1, Math.floor(pacer.callBytes(5 * RECORD) / RECORD)))
      const results = Array.from({ length: count }, () => {
        const shard = Math.floor(random() * shards.length)
        if (shards[shard] !== 0 && buckets[shard]!.has(RECORD, now)) {
          buckets[shard]!.take(RECORD)
          stored++
          return { ShardId: names[shard]! }
        }
        return {
          ErrorCode: 'ProvisionedThroughputExceededException',
          ErrorMessage: `Rate exceeded for shard ${names[shard]} in stream spans under account 1.`,
        }
      })
      waiting -= count
      sends += count
      pacer.started(count * RECORD, now)
      calls.push({ end: now + 30, results })
    }
  }
  const savedUp = shards.reduce((sum, each) => sum + each, 0)
  return { stored: (stored * RECORD) / MIB / seconds - savedUp / seconds, sendsPerRecord: sends / stored }
}

/** Numbers by chance that are the same in every run: mulberry32. */
function seeded(): () => number {
  let state = 1
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe('a stream that is offered more than it takes', () => {
  const cases: [string, readonly number[], number, least: number, mostSends: number][] = [
    ['four times as much as its one shard takes', [1], 4, 0.95, 1.3],
    ['a little more', [1], 1.1, 0.95, 1.3],
    ['a shard of which others leave little', [0.1], 1, 0.09, 1.3],
    ['four shards', [1, 1, 1, 1], 16, 3.8, 1.3],
    ['one of four takes nothing', [0, 1, 1, 1], 8, 2.85, 1.5],
    ['one of four takes a quarter', [0.25, 1, 1, 1], 8, 2.9, 1.5],
    [
      'one of ten takes nothing, the others have room',
      [0, ...Array.from({ length: 9 }, () => 1)],
      5,
      4.8,
      1.2,
    ],
  ]
  for (const [name, shards, offered, least, mostSends] of cases) {
    test(name, () => {
      const { stored, sendsPerRecord } = simulate(shards, offered)
      assert.ok(stored >= least, `${stored} MiB a second`)
      assert.ok(sendsPerRecord <= mostSends, `${sendsPerRecord} sends for each record`)
    })
  }
})

test('nothing is paced until something was too much', () => {
  const pacer = new Pacer()
  for (let now = 0; now < 1000; now++) {
    assert.equal(pacer.waitMs(now), 0)
    pacer.started(MIB, now)
    pacer.ended(MIB, 0, now + 1)
  }
  assert.equal(pacer.rate, Infinity)
})

test('what refuses everything is still asked, and gets its pace back', () => {
  const pacer = new Pacer()
  let now = 0
  const call = (isTaken: boolean): void => {
    now += pacer.waitMs(now)
    const bytes = Math.max(1000, Math.floor(pacer.callBytes(5 * RECORD)))
    pacer.started(bytes, now)
    now += 10
    pacer.ended(isTaken ? bytes : 0, isTaken ? 0 : bytes, now)
  }
  for (let i = 0; i < 1000; i++) call(false)
  assert.equal(pacer.rate, RECORD)
  const start = now
  while (pacer.rate < 4 * MIB) call(true)
  assert.ok(now - start < 20_000, `${now - start} ms`)
})
