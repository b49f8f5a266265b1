import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { Fault } from '#server/local-kinesis/fault.js'
import type { PublisherStats } from '#src/publisher/metrics.js'
import { start } from '../../server/test/local-kinesis/kinesis-under-test.ts'
import { assertBalanced } from './support.ts'

const MIB = 1 << 20

interface Told {
  readonly grownBytes: number
  readonly mostBytes: number
  readonly stats: PublisherStats
}

/**
 * V8 lets its young generation grow, up to 16 MB thrice, with what survives in it over time, whoever's that is. At its full
 * size from the start it is no growth: what is left to grow is what the publisher holds.
 */
const YOUNG_GENERATION = ['--min-semi-space-size=16', '--max-semi-space-size=16']

/** Runs a program that has a `publisher` and `watch()`, and takes what it told and what it said. */
async function run(endpoint: string, options: string, program: string): Promise<Told & { said: string[] }> {
  const source = `
    import { setTimeout as sleep } from 'node:timers/promises'
    import { assertBalanced } from '${new URL('support.js', import.meta.url).href}'
    import { publisherTo, serverSpan } from '${new URL('senders/kinesis-support.js', import.meta.url).href}'

    const span = serverSpan(1)
    const report = (publisher, i) => {
      span.id = span.traceId = (i + 0x10000000).toString(16).padStart(16, '0')
      publisher.report(span)
    }
    // What is loaded for the first call, and the young generation that this program's own strings fill, are no growth.
    const first = publisherTo('${endpoint}', { maxBytes: 1 << 20, drop: 'oldest' })
    for (let i = 0; i < 1_000_000; i++) {
      report(first, i)
      if (i % 20_000 === 0) await sleep(1)
    }
    await first.flush(300)
    await first.close(1)

    const publisher = publisherTo('${endpoint}', ${options})
    const before = process.memoryUsage.rss()
    let grownBytes = 0
    let mostBytes = 0
    const watch = () => {
      const stats = publisher.stats()
      assertBalanced(stats)
      mostBytes = Math.max(mostBytes, stats.bytes)
      grownBytes = Math.max(grownBytes, process.memoryUsage.rss() - before)
    }
    ${program}
    const stats = publisher.stats()
    console.log(JSON.stringify({ grownBytes, mostBytes, stats }))`
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    ...YOUNG_GENERATION,
    '--input-type=module',
    '-e',
    source,
  ])
  const told = JSON.parse(stdout) as Told
  assertBalanced(told.stats)
  assert.equal(told.stats.queued + told.stats.inFlight, 0)
  return { ...told, said: stderr.split('\n').filter((line) => line.startsWith('tdist:')) }
}

describe('memory', () => {
  for (const options of ["drop: 'newest'", "drop: 'oldest'", "drop: 'oldest', partition: 'trace'"]) {
    test(`three million spans and a stalled stream, ${options}: at most twice the bound`, async (t) => {
      const fault = (): Fault => ({ hang: true })
      const { kinesis } = await start(t, { streams: { spans: 1 }, limits: false, fault })
      const { grownBytes, mostBytes, stats } = await run(
        kinesis.endpoint,
        `{ ${options} }`,
        `let next = Math.random() * 60_000
        for (let i = 0; i < 3_000_000; i++) {
          report(publisher, i)
          if (i < next) continue
          next += Math.random() * 60_000
          watch()
          await sleep(1)
        }
        await publisher.close(1)`,
      )
      assert.equal(stats.offered, 3_000_000)
      assert.ok(mostBytes <= 16 * MIB, `${mostBytes} bytes`)
      assert.ok(grownBytes <= 32 * MIB, `${grownBytes} bytes more`)
    })
  }

  test('an outage of many times what it may hold: flat, one line, and all is well after it', async (t) => {
    let isOut = true
    let ended: NodeJS.Timeout | undefined
    const fault = (): Fault | undefined => {
      const dice = Math.random()
      if (!isOut) return undefined
      ended ??= setTimeout(() => (isOut = false), 10_000)
      return dice < 0.4 ? { error: 'InternalFailure' } : dice < 0.8 ? { reset: true } : { hang: true }
    }
    const { kinesis } = await start(t, { streams: { spans: 1 }, limits: false, fault })
    t.after(() => clearTimeout(ended))
    const { grownBytes, mostBytes, stats, said } = await run(
      kinesis.endpoint,
      '{ maxBytes: 1 << 20, maxAgeMs: 2000, callTimeoutMs: 1000, lingerMs: 100 }',
      `while (publisher.stats().sent === 0) {
        for (let i = 0; i < 100; i++) report(publisher, i)
        await sleep(10 * Math.random())
        watch()
      }
      await publisher.flush(60_000)
      const { sent } = publisher.stats()
      for (let i = 0; i < 1000; i++) report(publisher, i)
      await publisher.flush(60_000)
      if (publisher.stats().sent !== sent + 1000) throw new Error('not well after the outage')
      watch()
      await publisher.close(60_000)`,
    )
    assert.ok(stats.dropped.full > 20_000, JSON.stringify(stats))
    assert.ok(mostBytes <= MIB, `${mostBytes} bytes`)
    assert.ok(grownBytes <= 24 * MIB, `${grownBytes} bytes more`)
    // Of each of the two publishers: one when the outage began, one at its end or when it was closed.
    assert.ok(said.length <= 4, said.join('\n'))
  })
})
