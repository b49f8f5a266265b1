import { assumeOurs } from '../../tracing/assume-ours.ts'
import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { Tracing } from '../../tracing/tracing.ts'
import { types } from 'node:util'
import type { TraceContext } from '../../span/trace-context.ts'
import { open, seal } from '../../propagation/frame/kafka-envelope.ts'
import type { Extracted } from '../../propagation/propagation.ts'
import { whenSettled } from '../../host/when-settled.ts'
import { calling } from '../hooks/calling.ts'
import { kafkaHandler } from './handler.ts'
import { Arrival } from '../protocols/message-arrival.ts'
import type { MessagingHandler } from '../protocols/messaging.ts'
import { overrideMethods } from '../hooks/override-methods.ts'
import { TRACED_METHODS } from '../hooks/traced-mark.ts'
import { tracedOnce } from '../hooks/traced-once.ts'

type Method = (this: unknown, ...args: never[]) => unknown

/**
 * A function from a value to bytes or to a promise of bytes; or an object with such a method `serialize`, as
 * Confluent's.
 */
export type Serializer = Method | { serialize: Method }

/** A function whose first argument is bytes, or an object with a method `deserialize(topic, bytes, …)`. */
export type Deserializer = Method | { deserialize: Method }

/**
 * Returns the serializer, which puts its bytes into an envelope: a trace frame (docs/wire-format.md) with the current
 * span's context before them. Outside any span only bytes that begin like a frame are changed, so that a
 * {@link tracingDeserializer} gives back what went in. What is no bytes and no text (null, a tombstone), and what is
 * empty, stays as it is. Use it for values, never for keys: which partition a message goes to depends on every byte of
 * its key. To wrap twice is to wrap once. Never throws.
 */
export function tracingSerializer<S extends Serializer>(tracing: Tracing, serializer: S): S {
  assumeOurs(tracing)
  return wrapped(tracing, serializer, 'serialize', (original, self, args) => {
    let context: TraceContext | undefined
    try {
      context = tracing.dataManager.current?.context
    } catch (error) {
      tracing.failed('kafka serializer', error)
    }
    const result: unknown = Reflect.apply(original, self, args)
    const enclose = (value: unknown): unknown => {
      try {
        return sealed(value, context)
      } catch (error) {
        tracing.failed('kafka serializer', error)
        return value
      }
    }
    return types.isPromise(result) ? result.then(enclose) : enclose(result)
  })
}

/**
 * Returns the deserializer, which is given the bytes of a value without their envelope; bytes in no envelope are given
 * as they are. For an object that it made, `runWithMessage` runs in the trace that the envelope told of. Never throws.
 */
export function tracingDeserializer<D extends Deserializer>(tracing: Tracing, deserializer: D): D {
  assumeOurs(tracing)
  let handler: MessagingHandler | undefined
  // Confluent's are given the topic first.
  const bytesAt = typeof deserializer === 'function' ? 0 : 1
  return wrapped(tracing, deserializer, 'deserialize', (original, self, args) => {
    const given = [...args] as unknown[]
    let extracted: Extracted | undefined
    try {
      const opened = open(bufferOf(given[bytesAt]) ?? NOTHING)
      if (opened) given[bytesAt] = opened.value
      extracted = opened?.extracted
    } catch (error) {
      tracing.failed('kafka deserializer', error)
    }
    const result: unknown = Reflect.apply(original, self, given as never[])
    if (extracted === undefined) return result
    const topic = bytesAt === 1 && typeof given[0] === 'string' ? given[0] : undefined
    const note = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return
      const rules = (handler ??= kafkaHandler(tracing, tracing.kafka))
      new Arrival(tracing, () => rules.receive(topic, extracted)).of(value)
    }
    try {
      if (types.isPromise(result)) return whenSettled(result, note, () => {})
      note(result)
    } catch (error) {
      tracing.failed('kafka deserializer', error)
    }
    return result
  })
}

const NOTHING = Buffer.alloc(0)

function sealed(value: unknown, context: TraceContext | undefined): unknown {
  if (typeof value === 'string') return context && value !== '' ? seal(Buffer.from(value), context) : value
  const bytes = bufferOf(value)
  return bytes && bytes.length > 0 ? seal(bytes, context) : value
}

function bufferOf(value: unknown): Buffer | undefined {
  if (Buffer.isBuffer(value)) return value
  if (!types.isUint8Array(value)) return undefined
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

function wrapped<S extends object>(
  tracing: ServiceTracing,
  serializer: S,
  name: keyof typeof TRACED_METHODS,
  call: (original: Method, self: unknown, args: readonly never[]) => unknown,
): S {
  const mark = TRACED_METHODS[name]
  return tracedOnce(tracing, `kafka ${name}r`, serializer, wrap, mark)

  function wrap(): S {
    if (typeof serializer !== 'function') {
      const original = (serializer as Record<string, unknown>)[name]
      if (typeof original !== 'function') return serializer
      return overrideMethods(
        serializer,
        { [name]: (...args) => call(original as Method, serializer, args) },
        { mark },
      )
    }
    const fn = serializer as unknown as Method
    return calling(fn, (self, args) => call(fn, self, args), mark) as unknown as S
  }
}
