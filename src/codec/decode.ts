import { gunzipSync } from 'node:zlib'
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './ip-address.ts'
import { decodeJson } from './json.ts'
import { isAggregate, userRecords } from './kpl.ts'
import { decodeProto3 } from './proto3.ts'
import { type Endpoint, isMicros, isPort, type ZipkinSpan } from './zipkin-span.ts'

/** The most that the gzipped parts of one record may unpack to, in bytes; beyond it the record is refused. */
const MAX_UNZIPPED = 16 << 20

/**
 * Decodes what a collector receives as one record or message: a Zipkin JSON v2 list or proto3 `ListOfSpans`, plain,
 * gzipped, or as the user records of a KPL aggregate (each wrapping once). The spans come normalised as Zipkin's
 * server does it, except that names keep their case: IDs lower-case and padded to 16 or 32 characters, addresses in
 * their canonical form, what is empty or zero absent, annotations in order. Tags have no prototype.
 *
 * Throws an Error of one line for anything else, and for a span without valid IDs; then none of the record counts.
 */
export function decodeSpans(bytes: Uint8Array): ZipkinSpan[] {
  const spans: ZipkinSpan[] = []
  decodeInto(spans, bytes, { aggregated: false, gzipped: false }, { bytes: MAX_UNZIPPED })
  return spans
}

interface Wrapping {
  aggregated: boolean
  gzipped: boolean
}

function decodeInto(spans: ZipkinSpan[], bytes: Uint8Array, within: Wrapping, left: { bytes: number }): void {
  if (bytes[0] === 0x5b) {
    for (const span of decodeJson(bytes)) spans.push(normalise(span))
  } else if (bytes[0] === 0x0a) {
    for (const span of decodeProto3(bytes)) spans.push(normalise(span))
  } else if (bytes[0] === 0x1f && bytes[1] === 0x8b && !within.gzipped) {
    const unzipped = unzip(bytes, left.bytes)
    left.bytes -= unzipped.length
    decodeInto(spans, unzipped, { ...within, gzipped: true }, left)
  } else if (isAggregate(bytes) && !within.aggregated) {
    for (const record of userRecords(bytes)) decodeInto(spans, record, { ...within, aggregated: true }, left)
  } else {
    const first = Buffer.from(bytes.subarray(0, 16)).toString('hex')
    throw new Error(bytes.length ? `not Zipkin spans: begins with ${first}` : 'not Zipkin spans: empty')
  }
}

function unzip(bytes: Uint8Array, maxOutputLength: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: Math.max(1, maxOutputLength) })
  } catch (error) {
    throw new Error(`cannot gunzip spans: ${(error as Error).message}`, { cause: error })
  }
}

/** Zipkin's `Span.Builder`: https://github.com/openzipkin/zipkin/blob/master/zipkin/src/main/java/zipkin2/Span.java */
function normalise(span: ZipkinSpan): ZipkinSpan {
  const traceId = normaliseId(span.traceId, 'traceId', 32)
  const id = normaliseId(span.id, 'id', 16)
  const normal: ZipkinSpan = { traceId, id }

  if (span.parentId && !/^0{1,16}$/.test(span.parentId)) {
    const parentId = normaliseId(span.parentId, 'parentId', 16)
    if (parentId !== id) normal.parentId = parentId
  }
  if (span.kind) normal.kind = span.kind
  if (span.name) normal.name = span.name
  if (isMicros(span.timestamp)) normal.timestamp = Math.floor(span.timestamp)
  if (isMicros(span.duration)) normal.duration = Math.floor(span.duration)
  const local = normaliseEndpoint(span.localEndpoint)
  if (local) normal.localEndpoint = local
  const remote = normaliseEndpoint(span.remoteEndpoint)
  if (remote) normal.remoteEndpoint = remote

  const annotations = span.annotations?.filter(({ timestamp, value }) => isMicros(timestamp) && value !== '')
  if (annotations?.length) {
    normal.annotations = annotations
      .sort((a, b) => a.timestamp - b.timestamp || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0))
      .filter((a, i, all) => a.timestamp !== all[i - 1]?.timestamp || a.value !== all[i - 1]?.value)
  }
  for (const _ in span.tags) {
    normal.tags = span.tags
    break
  }
  if (span.debug) normal.debug = true
  // Only the server's half of a joined span is shared.
  if (span.shared && span.kind !== 'CLIENT') normal.shared = true
  return normal
}

function normaliseId(id: string, name: string, longest: number): string {
  const lower = id.toLowerCase()
  if (!/^[0-9a-f]+$/.test(lower) || lower.length > longest) {
    throw new Error(`malformed spans: ${name} is not 1 to ${longest} hex characters`)
  }
  const padded = lower.padStart(lower.length > 16 ? 32 : 16, '0')
  // A 64-bit trace ID is also sent as 128 bits, the upper half zero.
  const short = padded.length === 32 && padded.startsWith('0000000000000000') ? padded.slice(16) : padded
  if (short === '0000000000000000') throw new Error(`malformed spans: ${name} is all zeros`)
  return short
}

const address = new Uint8Array(16)

function normaliseEndpoint(endpoint: Endpoint | undefined): Endpoint | undefined {
  if (!endpoint) return undefined
  const normal: { -readonly [name in keyof Endpoint]: Endpoint[name] } = {}
  if (endpoint.serviceName) normal.serviceName = endpoint.serviceName
  if (endpoint.ipv4 && parseIpv4(endpoint.ipv4, address)) normal.ipv4 = endpoint.ipv4
  if (endpoint.ipv6 && parseIpv6(endpoint.ipv6, address)) {
    if (isIpv4Mapped(address)) normal.ipv4 ??= formatIpv4(address.subarray(12))
    else normal.ipv6 = formatIpv6(address)
  }
  if (isPort(endpoint.port)) normal.port = Math.floor(endpoint.port)
  for (const _ in normal) return normal
  return undefined
}

/** `::ffff:1.2.3.4`, which is what a socket that listens on both families says of an IPv4 peer. */
function isIpv4Mapped(ipv6: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (ipv6[i] !== 0) return false
  return ipv6[10] === 0xff && ipv6[11] === 0xff
}
