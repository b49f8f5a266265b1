import { EventStreamCodec } from '@smithy/eventstream-codec'

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes as Uint8Array).toString(),
  (text) => Buffer.from(text),
)

/** One message of AWS's event stream encoding, with text as its headers and JSON as its body. */
export function eventMessage(headers: Readonly<Record<string, string>>, body: string): Uint8Array {
  const typed = Object.entries({ ...headers, ':content-type': 'application/json' }).map(
    ([name, value]) => [name, { type: 'string', value }] as const,
  )
  return codec.encode({ headers: Object.fromEntries(typed), body: Buffer.from(body) })
}
