import { describe } from './log.ts'
import { FORMATS } from './propagation/composite.ts'
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
  const { serviceName, sender, sampler, propagation, baggage, kafka, thrift } = options as Record<
    string,
    unknown
  >
  if (typeof serviceName !== 'string') {
    throw new TypeError(`serviceName is ${describe(serviceName)}; give the name of this service`)
  }
  if (serviceName.trim() === '') throw new TypeError('serviceName is empty; give the name of this service')
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

function has(value: unknown, method: string): boolean {
  return typeof (value as Record<string, unknown> | null)?.[method] === 'function'
}
