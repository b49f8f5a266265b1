import type { StoredRecord } from './record-log.ts'
import type { Shard } from './shard.ts'

/** Records from a place on, as the API gives them: at least one if there is one, however large. */
export function readPage(
  shard: Shard,
  from: number,
  maxRecords: number,
  maxBytes: number,
): { records: object[]; next: number; bytes: number } {
  const records: object[] = []
  let next = Math.max(from, shard.log.first)
  let bytes = 0
  for (
    let record = shard.log.get(next);
    record && records.length < maxRecords;
    record = shard.log.get(next)
  ) {
    if (bytes > 0 && bytes + record.bytes > maxBytes) break
    bytes += record.bytes
    records.push(wireRecord(record, shard.sequenceNumber(next)))
    next++
  }
  return { records, next, bytes }
}

function wireRecord(record: StoredRecord, sequenceNumber: string): object {
  return {
    SequenceNumber: sequenceNumber,
    ApproximateArrivalTimestamp: record.arrivedAt / 1000,
    Data: record.data.toString('base64'),
    PartitionKey: record.partitionKey,
  }
}
