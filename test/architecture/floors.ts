/** What every library's folder stands on, besides the folders of its protocol and of its hooks. */
const BELOW = ['codec', 'host', 'span', 'context', 'propagation', 'options', 'tracing']
const LIBRARY = [...BELOW, 'transports/hooks', 'transports/protocols']

/**
 * What the files of each folder may import, besides one another. A folder stands above all that it names, so nothing in
 * this table may lead back to where it came from.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  codec: [],
  host: [],
  cls: [],
  span: ['codec', 'host'],
  sampling: ['host'],
  context: ['host', 'span'],
  propagation: ['span'],
  publisher: ['codec', 'host', 'span'],
  metrics: ['host', 'publisher'],
  options: ['host', 'span', 'sampling', 'propagation', 'publisher'],
  tracing: ['codec', 'host', 'span', 'sampling', 'context', 'propagation', 'publisher', 'metrics', 'options'],

  'transports/hooks': ['host', 'tracing'],
  'transports/protocols': BELOW,
  'transports/http-clients': [...BELOW, 'transports/hooks', 'transports/protocols'],
  'transports/node-http': [...LIBRARY, 'transports/http-clients'],
  'transports/undici': [...LIBRARY, 'transports/http-clients'],
  'transports/thrift': [...LIBRARY, 'transports/http-clients'],
  'transports/kafkajs': LIBRARY,
  'transports/pg': LIBRARY,
  // These two stand on other libraries: node:http calls Express, and axios calls node:http or fetch.
  'transports/express': [...LIBRARY, 'transports/node-http'],
  'transports/axios': [...LIBRARY, 'transports/http-clients', 'transports/node-http', 'transports/undici'],

  // Who receives and shows.
  'local-kinesis': [],
  storage: ['codec'],
  collector: ['codec', 'host', 'storage'],
  viewer: ['codec', 'host', 'storage', 'collector'],
  demo: [],
  commands: ['codec', 'host', 'storage', 'collector', 'viewer', 'local-kinesis', 'demo'],
}

/** The folders of who receives and shows: no fake time is there to be feared, and nothing is patched. */
export const RECEIVES: readonly string[] = [
  'local-kinesis',
  'storage',
  'collector',
  'viewer',
  'demo',
  'commands',
]

const HTTP = ['http', 'endpoint', 'open-spans']

/** The files of `transports/protocols` that a library may know. */
export const PROTOCOLS: Readonly<Record<string, readonly string[]>> = {
  'transports/http-clients': HTTP,
  'transports/node-http': HTTP,
  'transports/undici': HTTP,
  'transports/express': HTTP,
  'transports/axios': HTTP,
  'transports/thrift': ['rpc', 'endpoint', 'open-spans'],
  'transports/kafkajs': ['messaging', 'message-arrival', 'message-delay', 'endpoint'],
  'transports/pg': [],
}

/** Where a package that a service brings along may be named: the peer, and the folders and files of its own. */
export const PEERS: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-kinesis': [
    'src/publisher/senders/kinesis-sender.ts',
    'src/publisher/worker/worker.ts',
    'src/collector/',
  ],
  '@confluentinc/kafka-javascript': ['src/transports/kafkajs/', 'src/publisher/senders/kafka-'],
  axios: ['src/transports/axios/', 'src/demo/'],
  express: ['src/transports/express/', 'src/demo/'],
  kafkajs: ['src/transports/kafkajs/', 'src/publisher/senders/kafka-', 'src/demo/'],
  thrift: ['src/transports/thrift/', 'src/demo/'],
  undici: ['src/transports/undici/', 'src/demo/'],
}
