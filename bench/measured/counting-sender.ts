import type { Sender, Tracing } from 'tdist'

/** A sender that takes every span, counts it and sends it nowhere. */
export interface CountingSender extends Sender {
  /** Flushes, and throws unless so many spans and no more were sent since the last time. */
  expect(tracing: Tracing, spans: number): Promise<void>
}

export function countingSender(): CountingSender {
  let taken = 0
  return {
    encoding: 'proto3',
    maxRecordBytes: 51_200,
    maxRecords: 500,
    maxCallBytes: 5 << 20,
    async send(records) {
      for (const { spans } of records) taken += spans
    },
    async expect(tracing, spans) {
      await tracing.flush()
      if (taken !== spans) throw new Error(`${taken} of ${spans} spans were sent`)
      taken = 0
    },
  }
}
