import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './ip-address.ts'
import { closeMessage, writeNumber, writeString } from './wire.ts'
import type { WireReader } from './wire-reader.ts'
import { type Endpoint, isPort } from './zipkin-span.ts'

const SERVICE_NAME = 0x0a
const IPV4 = 0x12
const IPV6 = 0x1a
const PORT = 0x20

let knownEndpoint: Endpoint | undefined
let knownKey = 0
let knownBytes = new Uint8Array(0)

/**
 * As `writeEndpoint`, for the endpoint that all spans of a process share: a frozen object, whose bytes are kept. One
 * that is not frozen might be changed, and is written again each time.
 */
export function writeKnownEndpoint(
  target: Buffer,
  offset: number,
  limit: number,
  key: number,
  endpoint: Endpoint,
): number {
  if (endpoint === knownEndpoint && key === knownKey) {
    const bytes = knownBytes
    const end = offset + bytes.length
    if (end > limit) return -1
    for (let i = 0; i < bytes.length; i++) target[offset + i] = bytes[i]!
    return end
  }
  const end = writeEndpoint(target, offset, limit, key, endpoint)
  if (end >= 0 && Object.isFrozen(endpoint)) {
    knownBytes = Uint8Array.prototype.slice.call(target, offset, end)
    knownEndpoint = endpoint
    knownKey = key
  }
  return end
}

const address = new Uint8Array(16)

/** Writes an endpoint as the message field `key`. An address or port that is not valid is left out. */
export function writeEndpoint(
  target: Buffer,
  offset: number,
  limit: number,
  key: number,
  endpoint: Endpoint,
): number {
  const { serviceName, ipv4, ipv6, port } = endpoint
  const reserved = serviceName && serviceName.length > 125 ? 2 : 1
  const start = offset + 1 + reserved
  if (start > limit) return -1
  target[offset] = key
  let at = start
  if (serviceName) {
    at = writeString(target, at, limit, SERVICE_NAME, serviceName)
    if (at < 0) return -1
  }
  if (ipv4 && parseIpv4(ipv4, address)) at = writeAddress(target, at, limit, IPV4, 4)
  if (at >= 0 && ipv6 && parseIpv6(ipv6, address)) at = writeAddress(target, at, limit, IPV6, 16)
  if (at >= 0 && isPort(port)) at = writeNumber(target, at, limit, PORT, Math.floor(port))
  return at < 0 ? -1 : closeMessage(target, start, at, limit, reserved)
}

function writeAddress(target: Buffer, offset: number, limit: number, key: number, length: number): number {
  const start = offset + 2
  if (start + length > limit) return -1
  target[offset] = key
  target[offset + 1] = length
  for (let i = 0; i < length; i++) target[start + i] = address[i]!
  return start + length
}

/** Reads the endpoint that begins here. */
export function readEndpoint(reader: WireReader): Endpoint {
  const endpoint: { -readonly [name in keyof Endpoint]: Endpoint[name] } = {}
  const outer = reader.enter()
  while (reader.more) {
    const key = reader.varint()
    if (key === SERVICE_NAME) endpoint.serviceName = reader.string()
    else if (key === IPV4) {
      const ip = reader.bytes()
      if (ip.length === 4) endpoint.ipv4 = formatIpv4(ip)
    } else if (key === IPV6) {
      const ip = reader.bytes()
      if (ip.length === 16) endpoint.ipv6 = formatIpv6(ip)
    } else if (key === PORT) endpoint.port = reader.varint()
    else reader.skip(key)
  }
  reader.leave(outer)
  return endpoint
}
