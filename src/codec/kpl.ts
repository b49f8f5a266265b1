import { createHash } from 'node:crypto'
import { WireReader } from './wire-reader.ts'

/*
 * What the Kinesis Producer Library packs several user records into: the magic bytes, a protobuf message
 * `AggregatedRecord` and the MD5 of that message.
 * https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
 */
const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2])
const MD5_LENGTH = 16
const RECORDS = 0x1a
const DATA = 0x1a

/** Whether a Kinesis record is, by its first bytes, a KPL aggregate. */
export function isAggregate(bytes: Uint8Array): boolean {
  return MAGIC.equals(bytes.subarray(0, MAGIC.length))
}

/** The data of an aggregate's user records, as views of `bytes`; a wrong checksum or cut bytes are an Error. */
export function userRecords(bytes: Uint8Array): Uint8Array[] {
  const message = bytes.subarray(MAGIC.length, Math.max(MAGIC.length, bytes.length - MD5_LENGTH))
  const md5 = createHash('md5').update(message).digest()
  if (!md5.equals(bytes.subarray(MAGIC.length + message.length))) {
    throw new Error('malformed KPL aggregate: its MD5 does not match')
  }

  const records: Uint8Array[] = []
  const reader = new WireReader(message)
  while (reader.more) {
    const key = reader.varint()
    if (key === RECORDS) records.push(readRecord(reader))
    else reader.skip(key)
  }
  return records
}

function readRecord(reader: WireReader): Uint8Array {
  let data: Uint8Array | undefined
  const outer = reader.enter()
  while (reader.more) {
    const key = reader.varint()
    if (key === DATA) data = reader.bytes()
    else reader.skip(key)
  }
  reader.leave(outer)
  if (!data) throw new Error('malformed KPL aggregate: a record without data')
  return data
}
