import { describe } from '../../host/log.ts'
import { SendError, type Sender, type SpanRecord } from './sender.ts'

export interface FileSenderOptions {
  /** The file to append to. Made when it is not there; its folder must be. */
  readonly path: string
}

/** The errors that no waiting mends: the path can be no file. */
const HOPELESS = ['EISDIR', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EINVAL']

/**
 * Appends each span to a file as a line of Zipkin JSON. The file is opened for each call, so it may be moved away
 * at any time, and each call is one write to its end, so that several processes may share it. A full disk, a
 * missing folder or permission is tried again as long as spans may wait; a path that can be no file drops them
 * as `rejected`. Throws an Error when the path is missing.
 */
export function fileSender(options: FileSenderOptions): Sender {
  const { path } = options
  if (typeof path !== 'string' || path === '') {
    throw new Error('tdist: fileSender needs a path: the file to append spans to')
  }
  /** A write ended within a line: the next one begins with the end of that line. */
  let torn = false

  async function append(lines: string): Promise<void> {
    const { open } = process.getBuiltinModule('node:fs/promises')
    const file = await open(path, 'a').catch((error: unknown) => {
      throw failure(error)
    })
    try {
      const bytes = Buffer.from(torn ? `\n${lines}` : lines)
      const { bytesWritten } = await file.write(bytes).catch((error: unknown) => {
        throw failure(error)
      })
      torn = bytesWritten < bytes.length
      if (torn) throw new SendError(`only a part could be written to ${path}`, 'in doubt')
    } finally {
      // What was written stays so, whether the file closes or not.
      await file.close().catch(() => {})
    }
  }

  function failure(error: unknown): SendError {
    const code = String((error as NodeJS.ErrnoException).code)
    const outcome = HOPELESS.includes(code) ? 'rejected' : 'failed'
    return new SendError(`spans cannot be written to a file: ${describe(error)}`, outcome, { cause: error })
  }

  return {
    encoding: 'json',
    maxRecordBytes: 1 << 20,
    maxRecords: 100,
    maxCallBytes: 1 << 20,
    recipe: { kind: 'file', options },
    send: (records) => append(records.map(linesOf).join('')),
  }
}

/*
 * Our encoder writes each span with its trace ID first, and a quote within a string has a backslash before it, so
 * these bytes stand between spans and nowhere else. To parse and write them again would take ten times as long.
 */
function linesOf({ bytes }: SpanRecord): string {
  const list = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
    'utf8',
    1,
    bytes.length - 1,
  )
  return `${list.replaceAll('},{"traceId":', '}\n{"traceId":')}\n`
}
