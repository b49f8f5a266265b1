import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkTracing } from '#src/options/tracing-options.js'

const sender = { send: () => {} }
const mistakes: readonly [given: unknown, line: string][] = [
  [undefined, 'createTracing was given no options; give at least a serviceName'],
  [null, 'createTracing was given no options; give at least a serviceName'],
  ['shop', 'createTracing was given no options; give at least a serviceName'],
  [{}, 'serviceName is undefined; give the name of this service'],
  [{ serviceName: 7 }, 'serviceName is 7; give the name of this service'],
  [{ serviceName: Symbol('shop') }, 'serviceName is Symbol(shop); give the name of this service'],
  [{ serviceName: '\t\n' }, 'serviceName is empty; give the name of this service'],
  [{ serviceName: 'shop', version: 2 }, 'version is 2; give it as a string'],
  [{ serviceName: 'shop', environment: ['eu'] }, 'environment is eu; give it as a string'],
  [{ serviceName: 'shop', tags: 'region=eu' }, 'tags is region=eu; give keys and values in an object'],
  [{ serviceName: 'shop', tags: ['region'] }, 'tags is region; give keys and values in an object'],
  [
    { serviceName: 'shop', tags: { 'db.password': 'x' } },
    'tags.db.password looks like a secret; leave it out',
  ],
  [
    { serviceName: 'shop', tags: { region: null } },
    'tags.region is null; give a string, a number or a boolean',
  ],
  ...['kinesis', null, {}, sender.send].map((wrong): [unknown, string] => [
    { serviceName: 'shop', sender: wrong },
    'sender has no method send; use httpSender, kinesisSender or consoleSender',
  ]),
  ...[0.5, null, () => true].map((wrong): [unknown, string] => [
    { serviceName: 'shop', sampler: wrong },
    'sampler has no method isSampled; use always, never, sampleRate or samplePerSecond',
  ]),
  [{ serviceName: 'shop', propagation: 'b3' }, 'propagation is b3; give a list of b3, b3-single, w3c'],
  [{ serviceName: 'shop', baggage: 'user-id' }, 'baggage is user-id; give a list of header names'],
  [{ serviceName: 'shop', kafka: 'payload' }, 'kafka is payload; give its options in an object'],
  [{ serviceName: 'shop', thrift: null }, 'thrift is null; give its options in an object'],
  [
    { serviceName: 'shop', kafka: { carrier: 'payloads' } },
    'kafka.carrier is payloads; use headers or payload',
  ],
  [
    { serviceName: 'shop', thrift: { propagation: 'fields' } },
    'thrift.propagation is fields; use one of field, prefix, auto, off',
  ],
  ...[[], 'b3', ['w3c']].map((wrong): [unknown, string] => [
    { serviceName: 'shop', thrift: { fieldKeys: wrong } },
    `thrift.fieldKeys is ${String(wrong)}; give b3, traceparent or both in a list`,
  ]),
]

describe('options of createTracing', () => {
  for (const [given, message] of mistakes) {
    it(message, () => assert.throws(() => checkTracing(given), { message }))
  }

  it('what is right passes', () => {
    checkTracing({ serviceName: 'shop' })
    checkTracing({ serviceName: 'shop', version: '1', environment: '', tags: { a: 'b', c: 1, d: true } })
    checkTracing({ serviceName: 'shop', kafka: {}, thrift: { fieldKeys: ['traceparent', 'b3'] } })
    checkTracing({ serviceName: ' shop ', sender, sampler: undefined, propagation: [], baggage: ['user-id'] })
  })
})
