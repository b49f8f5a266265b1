import { createRequire } from 'node:module'
import { join } from 'node:path'
import { ROOT } from '../paths.ts'

if (process.env.BENCH_STACKS === '0') Error.stackTraceLimit = 0

/** What the two ends of a call are made of. The library brings no types, and neither does generated code. */
const require = createRequire(import.meta.url)
export const thrift = require('thrift')
export const Service = require(join(ROOT, 'test/thrift/gen-es6/Service.js'))

const PROTOCOLS: Readonly<Record<string, unknown>> = {
  binary: thrift.TBinaryProtocol,
  compact: thrift.TCompactProtocol,
  json: thrift.TJSONProtocol,
}

export const options = {
  transport: thrift.TFramedTransport,
  protocol: PROTOCOLS[process.env.BENCH_PROTOCOL!],
}
