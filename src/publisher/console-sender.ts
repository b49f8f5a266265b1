import type { Sender } from './sender.ts'
export function consoleSender(_options: object = {}): Sender {
  return { encoding: 'json', maxRecordBytes: 51200, maxRecords: 1, maxCallBytes: 51200, async send() {} }
}
