import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueuedRecord } from '#src/publisher/delivery/bounded-queue.js'
import { SharedMemory } from '#src/publisher/worker/shared-memory.js'
import { SharedRecords } from '#src/publisher/worker/shared-records.js'
import { WorkerLedger } from '#src/publisher/worker/ledger.js'

/** A record whose every byte, key and count tell its number. */
function recordOf(number: number, length: number, key?: string): QueuedRecord {
  const bytes = new Uint8Array(length).fill(number)
  return { bytes, spans: 1 + (number % 5), key, number, since: number, wasSent: false, doubtful: false }
}

for (let seed = 1; seed <= 20; seed++) {
  test(`two sides at random never mix up records or accounts, ${seed}`, () => {
    let state = seed
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
      return (state >>> 8) % below
    }
    const gone: Record<string, number> = {}
    const goneNumbers = new Set<number>()
    const records = new SharedRecords(200, 1, 10_000, 1e9, (number, spans, fate) => {
      assert.ok(!goneNumbers.has(number), `${number} is gone twice`)
      goneNumbers.add(number)
      gone[fate] = (gone[fate] ?? 0) + spans
    })
    const { blocks, buffer } = records.memory
    let ledger = new WorkerLedger(new SharedMemory(blocks, buffer), () => {})
    let waiting: QueuedRecord[] = []
    let taken: QueuedRecord[] = []
    let offered = 0
    let number = 0
    const check = (): void => {
      records.settle()
      records.count()
      const lost = Object.values(gone).reduce((sum, spans) => sum + spans, 0)
      assert.equal(records.waitingSpans + records.takenSpans + lost, offered)
    }
    for (let step = 0; step < 3000; step++) {
      switch (random(8)) {
        case 0:
        case 1:
          if (records.hasRoom(5)) {
            const record = recordOf(++number, 1 + random(10_000), random(2) ? `k${number % 1000}` : undefined)
            offered += record.spans
            records.add(record)
          }
          break
        case 2:
          waiting.push(...ledger.receive())
          break
        case 3: {
          const record = waiting.shift()
          if (record && ledger.take(record)) {
            const [first] = record.bytes
            assert.ok(record.bytes.every((byte) => byte === first))
            if (record.key) assert.equal((Number(record.key.slice(1)) % 256) % 8, first! % 8)
            taken.push(record)
          }
          break
        }
        case 4: {
          const record = taken.splice(random(taken.length || 1), 1)[0]
          if (!record) break
          record.doubtful ||= random(2) === 1
          ledger.putBack(record)
          waiting.unshift(record)
          break
        }
        case 5: {
          const record = taken.splice(random(taken.length || 1), 1)[0]
          if (record) ledger.gone(record, (['sent', 'rejected', 'inDoubt'] as const)[random(3)]!)
          break
        }
        case 6:
          if (random(4) === 0) records.dropOldest()
          break
        case 7:
          if (random(20) > 0) break
          records.recover(random(2) === 1)
          ledger = new WorkerLedger(new SharedMemory(blocks, buffer), () => {})
          waiting = []
          taken = []
      }
      check()
    }
    records.clear()
    check()
    assert.deepEqual([records.records, records.waitingSpans, records.takenSpans, records.bytes], [0, 0, 0, 0])
    assert.ok(goneNumbers.size > 100)
  })
}
