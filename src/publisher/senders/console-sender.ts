import { describe } from '../../host/log.ts'
import { SendError, type Sender } from './sender.ts'

export interface ConsoleSenderOptions {
  /** Takes each line, its newline included. Default: standard output. */
  readonly write?: ((line: string) => void) | undefined
}

/** Prints each span as a line of Zipkin JSON: https://zipkin.io/zipkin-api/ (`Span`). */
export function consoleSender(options: ConsoleSenderOptions = {}): Sender {
  const { write = (line) => void process.stdout.write(line) } = options
  return {
    encoding: 'json',
    maxRecordBytes: 1 << 20,
    maxRecords: 100,
    maxCallBytes: 1 << 20,
    send: async (records) => {
      for (const { bytes } of records) {
        const spans = JSON.parse(
          Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(),
        ) as unknown[]
        try {
          for (const span of spans) write(`${JSON.stringify(span)}\n`)
        } catch (error) {
          // Some lines are out already: to print them all again would double those.
          throw new SendError(describe(error), 'in doubt', { cause: error })
        }
      }
    },
  }
}
