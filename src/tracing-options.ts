import { describe } from './log.ts'
import { FORMATS } from './propagation/composite.ts'
import { isSecret } from './tags.ts'
import { checkKafka, type KafkaOptions } from './transports/kafka-options.ts'
import { checkThrift, type ThriftOptions } from './transports/thrift-options.ts'

/**
 * Checks the shape of what `createTracing` was given: JavaScript gives anything. Throws one line that says what to
 * give instead. What the values mean is checked where they are used.
 */
export function checkTracing(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError('createTracing was given no options; give at least a serviceName')
  }
  const { serviceName, sender, sampler, propagation, baggage, kafka, thrift, ...rest } = options as Record<
    string,
    unknown
  >
  if (typeof serviceName !== 'string') {
    throw new TypeError(`serviceName is ${describe(serviceName)}; give the name of this service`)
  }
  if (serviceName.trim() === '') throw new TypeError('serviceName is empty; give the name of this service')
  checkService(rest)
  if (sender !== undefined && !has(sender, 'send')) {
    throw new TypeError('sender has no method send; use httpSender, kinesisSender or consoleSender')
  }
  if (sampler !== undefined && !has(sampler, 'isSampled')) {
    throw new TypeError('sampler has no method isSampled; use always, never, sampleRate or samplePerSecond')
  }
  if (propagation !== undefined && !Array.isArray(propagation)) {
    throw new TypeError(`propagation is ${describe(propagation)}; give a list of ${FORMATS.join(', ')}`)
  }
  for (const [name, part] of Object.entries({ kafka, thrift })) {
    if (part !== undefined && (typeof part !== 'object' || part === null))
      throw new TypeError(`${name} is ${describe(part)}; give its options in an object`)
  }
  if (kafka !== undefined) checkKafka(kafka as KafkaOptions)
  if (thrift !== undefined) checkThrift(thrift as ThriftOptions)
  if (baggage !== undefined && !Array.isArray(baggage)) {
    throw new TypeError(`baggage is ${describe(baggage)}; give a list of header names`)
  }
}

function checkService({ version, environment, tags }: Record<string, unknown>): void {
  for (const [name, value] of Object.entries({ version, environment })) {
    if (value !== undefined && typeof value !== 'string') {
      throw new TypeError(`${name} is ${describe(value)}; give it as a string`)
    }
  }
  if (tags === undefined) return
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags)) {
    throw new TypeError(`tags is ${describe(tags)}; give keys and values in an object`)
  }
  for (const [key, value] of Object.entries(tags)) {
    if (isSecret(key)) throw new TypeError(`tags.${key} looks like a secret; leave it out`)
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new TypeError(`tags.${key} is ${describe(value)}; give a string, a number or a boolean`)
    }
  }
}

function has(value: unknown, method: string): boolean {
  return typeof (value as Record<string, unknown> | null)?.[method] === 'function'
}
