import type { Encoder } from './encoder.ts'
import { addShared, ownsNoneOf, type SharedTags } from './shared-tags.ts'
import { notAnId } from './wire.ts'
import {
  type Annotation,
  type Endpoint,
  isMicros,
  isPort,
  type Kind,
  KINDS,
  type ZipkinSpan,
} from './zipkin-span.ts'

/**
 * Writes a JSON list of Zipkin v2 spans: https://zipkin.io/zipkin-api/. The fields are in the order of Zipkin's own
 * writer, strings are escaped as by JSON.stringify, and what is undefined is absent. What `proto3Encoder` leaves out,
 * turns into a string or throws for, this encoder does too. Only addresses are written as they are: a collector passes
 * over one that is not valid.
 *
 * Zipkin's Kafka, Kinesis and other message collectors take a JSON list that contains neither `Endpoint"` nor `"tags"`
 * for the old v1 format. Our spans always have a local endpoint; give one to any you make yourself.
 */
export const jsonEncoder: Encoder = {
  encoding: 'json',
  contentType: 'application/json',
  listOverhead: 2,

  start(target, offset) {
    target[offset] = 0x5b
    return offset + 1
  },

  end(target, offset) {
    target[offset] = 0x5d
    return offset + 1
  },

  write(target, offset, limit, span, first, shared) {
    const alone = shared ? textWith(shared, span) : spanText(span)
    const text = first ? alone : `,${alone}`
    const space = limit - offset
    // A character takes three bytes at most: only near the limit is it worth counting them.
    if (text.length > space || (text.length * 3 > space && Buffer.byteLength(text) > space)) return -1
    return offset + target.write(text, offset, space)
  },
}

/** The shared tags stand before what follows a span's tags, and nothing does that is not written here. */
function textWith(shared: SharedTags, span: ZipkinSpan): string {
  const { tags, debug, shared: joined } = span
  if (!ownsNoneOf(shared.keys, tags)) {
    const all = Object.assign(Object.create(null), tags) as Record<string, string>
    addShared(shared, all)
    return spanText({ ...span, tags: all })
  }
  const text = spanText({ ...span, debug: false, shared: false })
  const open = tagsOf(tags) ? `${text.slice(0, -2)},` : `${text.slice(0, -1)},"tags":{`
  return `${open}${shared.json}}${debug ? ',"debug":true' : ''}${joined ? ',"shared":true' : ''}}`
}

function spanText(span: ZipkinSpan): string {
  const { traceId, parentId, id, kind, timestamp, duration, annotations } = span
  if (!TRACE_ID.test(traceId)) throw notAnId(traceId)
  if (parentId && !SPAN_ID.test(parentId)) throw notAnId(parentId)
  if (!SPAN_ID.test(id)) throw notAnId(id)
  return JSON.stringify({
    traceId,
    parentId: parentId || undefined,
    id,
    kind: kind && KINDS.includes(kind) ? kind : undefined,
    name: textOf(span.name),
    timestamp: isMicros(timestamp) ? Math.floor(timestamp) : undefined,
    duration: isMicros(duration) ? Math.floor(duration) : undefined,
    localEndpoint: endpointOf(span.localEndpoint),
    remoteEndpoint: endpointOf(span.remoteEndpoint),
    annotations: annotations?.length ? annotations.map(annotationOf) : undefined,
    tags: tagsOf(span.tags),
    debug: span.debug ? true : undefined,
    shared: span.shared ? true : undefined,
  })
}

const TRACE_ID = /^(?!0+$)(?:[0-9a-f]{16}){1,2}$/
const SPAN_ID = /^(?!0+$)[0-9a-f]{16}$/

function textOf(text: string | undefined): string | undefined {
  if (!text) return undefined
  if (typeof text !== 'string') throw new Error(`not a string in a span: ${String(text)}`)
  return text
}

function endpointOf(endpoint: Endpoint | undefined): Endpoint | undefined {
  if (!endpoint) return undefined
  const { serviceName, ipv4, ipv6, port } = endpoint
  return {
    serviceName: textOf(serviceName),
    ipv4: textOf(ipv4),
    ipv6: textOf(ipv6),
    port: isPort(port) ? Math.floor(port) : undefined,
  } as Endpoint
}

function annotationOf({ timestamp, value }: Annotation): Annotation {
  return { timestamp: isMicros(timestamp) ? Math.floor(timestamp) : 0, value: textOf(value) ?? '' }
}

/** Tags with all values as strings: the tags themselves where they are that already, as nearly always. */
function tagsOf(tags: Record<string, string> | undefined): Record<string, unknown> | undefined {
  if (!tags) return undefined
  const keys = Object.keys(tags)
  if (keys.every((key) => typeof tags[key] === 'string')) return keys.length ? tags : undefined
  const values = keys
    .map((key) => [key, tags[key] as string | number | boolean | null | undefined] as const)
    .filter(([, value]) => value !== undefined && value !== null)
  return values.length ? Object.fromEntries(values.map(([key, value]) => [key, String(value)])) : undefined
}

/**
 * Reads a JSON list of Zipkin v2 spans as it stands: unknown fields and nulls are passed over, numbers and
 * booleans as tag values become strings. Anything that is no such list, a v1 list too, is an Error.
 */
export function decodeJson(bytes: Uint8Array | string): ZipkinSpan[] {
  const list = parse(typeof bytes === 'string' ? bytes : decoder.decode(bytes))
  if (!Array.isArray(list)) throw new Error('malformed JSON spans: not a list')
  return list.map(readSpan)
}

const decoder = new TextDecoder()

type Fields = Record<string, unknown>

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`malformed JSON spans: ${(error as Error).message.replace(/\s+/g, ' ')}`, {
      cause: error,
    })
  }
}

function readSpan(value: unknown): ZipkinSpan {
  const fields = readObject(value, 'span')
  if ('binaryAnnotations' in fields) throw new Error('malformed JSON spans: Zipkin v1, send v2')
  const span: ZipkinSpan = { traceId: required(fields, 'traceId'), id: required(fields, 'id') }
  const parentId = read(fields, 'parentId', 'string')
  if (parentId !== undefined) span.parentId = parentId
  const kind = read(fields, 'kind', 'string')
  if (kind !== undefined) {
    if (!KINDS.includes(kind as Kind)) throw new Error('malformed JSON spans: an unknown kind')
    span.kind = kind as Kind
  }
  const name = read(fields, 'name', 'string')
  if (name !== undefined) span.name = name
  const timestamp = read(fields, 'timestamp', 'number')
  if (timestamp !== undefined) span.timestamp = timestamp
  const duration = read(fields, 'duration', 'number')
  if (duration !== undefined) span.duration = duration
  if (isSet(fields, 'localEndpoint')) span.localEndpoint = readEndpoint(fields['localEndpoint'])
  if (isSet(fields, 'remoteEndpoint')) span.remoteEndpoint = readEndpoint(fields['remoteEndpoint'])
  if (isSet(fields, 'annotations')) span.annotations = readAnnotations(fields['annotations'])
  if (isSet(fields, 'tags')) span.tags = readTags(fields['tags'])
  const debug = read(fields, 'debug', 'boolean')
  if (debug !== undefined) span.debug = debug
  const shared = read(fields, 'shared', 'boolean')
  if (shared !== undefined) span.shared = shared
  return span
}

function readEndpoint(value: unknown): Endpoint {
  const fields = readObject(value, 'endpoint')
  const endpoint: { -readonly [name in keyof Endpoint]: Endpoint[name] } = {}
  const serviceName = read(fields, 'serviceName', 'string')
  if (serviceName !== undefined) endpoint.serviceName = serviceName
  const ipv4 = read(fields, 'ipv4', 'string')
  if (ipv4 !== undefined) endpoint.ipv4 = ipv4
  const ipv6 = read(fields, 'ipv6', 'string')
  if (ipv6 !== undefined) endpoint.ipv6 = ipv6
  const port = read(fields, 'port', 'number')
  if (port !== undefined) endpoint.port = port
  return endpoint
}

function readAnnotations(value: unknown): Annotation[] {
  if (!Array.isArray(value)) throw new Error('malformed JSON spans: annotations are not a list')
  return value.map((element: unknown) => {
    const fields = readObject(element, 'annotation')
    if ('endpoint' in fields) throw new Error('malformed JSON spans: Zipkin v1, send v2')
    const timestamp = read(fields, 'timestamp', 'number')
    const text = read(fields, 'value', 'string')
    if (timestamp === undefined || text === undefined) {
      throw new Error('malformed JSON spans: an annotation without timestamp or value')
    }
    return { timestamp, value: text }
  })
}

function readTags(value: unknown): Record<string, string> {
  const fields = readObject(value, 'tags')
  const tags = Object.create(null) as Record<string, string>
  for (const key of Object.keys(fields)) {
    const tag = fields[key]
    if (tag === null || typeof tag === 'object')
      throw new Error('malformed JSON spans: a tag is not a string')
    tags[key] = String(tag as string | number | boolean)
  }
  return tags
}

function readObject(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`malformed JSON spans: ${what} is not an object`)
  }
  return value as Fields
}

function isSet(fields: Fields, name: string): boolean {
  return Object.hasOwn(fields, name) && fields[name] !== null
}

function read(fields: Fields, name: string, type: 'string'): string | undefined
function read(fields: Fields, name: string, type: 'number'): number | undefined
function read(fields: Fields, name: string, type: 'boolean'): boolean | undefined
function read(fields: Fields, name: string, type: string): unknown {
  if (!isSet(fields, name)) return undefined
  if (typeof fields[name] !== type) throw new Error(`malformed JSON spans: ${name} is not a ${type}`)
  return fields[name]
}

function required(fields: Fields, name: string): string {
  const value = read(fields, name, 'string')
  if (value === undefined) throw new Error(`malformed JSON spans: a span without ${name}`)
  return value
}
