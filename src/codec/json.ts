import type { Encoder } from './encoder.ts'
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
 * Writes a JSON list of Zipkin v2 spans: https://zipkin.io/zipkin-api/. The fields are in the order of Zipkin's
 * own writer, strings are escaped as JSON.stringify does it, and what is undefined is absent. What `proto3Encoder`
 * leaves out, turns into a string or throws for, this one does too.
 *
 * Zipkin's Kafka, Kinesis and other message collectors take a JSON list that contains neither `Endpoint"` nor
 * `"tags"` for the old v1 format. Our spans always have a local endpoint; give one to any you make yourself.
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

  write(target, offset, limit, span, first) {
    const text = first ? spanText(span) : `,${spanText(span)}`
    const space = limit - offset
    // A character takes three bytes at most: only near the limit is it worth counting them.
    if (text.length > space || (text.length * 3 > space && Buffer.byteLength(text) > space)) return -1
    return offset + target.write(text, offset, space)
  },
}

function spanText(span: ZipkinSpan): string {
  const { traceId, parentId, id, kind, name, localEndpoint, remoteEndpoint, annotations } = span
  if (!TRACE_ID.test(traceId)) throw notAnId(traceId)
  if (!SPAN_ID.test(id)) throw notAnId(id)
  if (parentId && !SPAN_ID.test(parentId)) throw notAnId(parentId)

  let text = `{"traceId":"${traceId}"`
  if (parentId) text += `,"parentId":"${parentId}"`
  text += `,"id":"${id}"`
  if (kind && KINDS.includes(kind)) text += `,"kind":"${kind}"`
  if (name) text += `,"name":${quote(name)}`
  if (isMicros(span.timestamp)) text += `,"timestamp":${Math.floor(span.timestamp)}`
  if (isMicros(span.duration)) text += `,"duration":${Math.floor(span.duration)}`
  if (localEndpoint) text += `,"localEndpoint":${endpointText(localEndpoint)}`
  if (remoteEndpoint) text += `,"remoteEndpoint":${endpointText(remoteEndpoint)}`
  if (annotations?.length) text += `,"annotations":[${annotations.map(annotationText).join(',')}]`
  text += tagsText(span.tags)
  if (span.debug) text += ',"debug":true'
  if (span.shared) text += ',"shared":true'
  return `${text}}`
}

const TRACE_ID = /^(?!0+$)(?:[0-9a-f]{16}){1,2}$/
const SPAN_ID = /^(?!0+$)[0-9a-f]{16}$/

function endpointText({ serviceName, ipv4, ipv6, port }: Endpoint): string {
  const fields: string[] = []
  if (serviceName) fields.push(`"serviceName":${quote(serviceName)}`)
  if (ipv4) fields.push(`"ipv4":${quote(ipv4)}`)
  if (ipv6) fields.push(`"ipv6":${quote(ipv6)}`)
  if (isPort(port)) fields.push(`"port":${Math.floor(port)}`)
  return `{${fields.join(',')}}`
}

function annotationText({ timestamp, value }: Annotation): string {
  return `{"timestamp":${isMicros(timestamp) ? Math.floor(timestamp) : 0},"value":${quote(value)}}`
}

function tagsText(tags: Record<string, string> | undefined): string {
  if (!tags) return ''
  let text = ''
  for (const key of Object.keys(tags)) {
    const value = tags[key] as string | number | boolean | null | undefined
    if (value === undefined || value === null) continue
    text += `${text ? ',' : ''}${quote(key)}:${quote(typeof value === 'string' ? value : String(value))}`
  }
  return text && `,"tags":{${text}}`
}

// oxlint-disable-next-line no-control-regex -- these are what JSON escapes
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/

function quote(text: string): string {
  if (typeof text !== 'string') throw new Error(`not a string in a span: ${String(text)}`)
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`
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
