/** What every library's folder stands on, besides the folders of its protocol and of its hooks. */
const BELOW = ['codec', 'host', 'span', 'context', 'propagation', 'options', 'tracing']
const LIBRARY = [...BELOW, 'transports/hooks', 'transports/protocols']

/**
 * What the files of each folder may import, besides one another. A folder stands above all that it names, so nothing in
 * this table may lead back to where it came from.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  codec: [],
  kinesis: [],
  host: [],
  cls: [],
  doctor: [],
  span: ['codec', 'host'],
  sampling: ['host'],
  context: ['host', 'span'],
  propagation: ['span'],
  publisher: ['codec', 'kinesis', 'host', 'span'],
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

  // The list of them.
  transports: [
    'host',
    'transports/hooks',
    'transports/express',
    'transports/kafkajs',
    'transports/node-http',
    'transports/pg',
    'transports/thrift',
    'transports/undici',
  ],

  // The server, which shares with the service how spans are written and how Kinesis is called. Its entries have its log besides.
  'server/local-kinesis': [],
  'server/demo': [],
  'server/traces': ['codec'],
  'server/collector': ['codec', 'kinesis', 'server'],
  'server/terminal': ['codec', 'server', 'server/traces'],
  'server/commands': [
    'codec',
    'server',
    'server/collector',
    'server/demo',
    'server/local-kinesis',
    'server/terminal',
    'server/traces',
  ],
}

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
  '@aws-sdk/client-kinesis': ['src/kinesis/', 'src/publisher/senders/kinesis-sender.ts'],
  '@confluentinc/kafka-javascript': ['src/transports/kafkajs/', 'src/publisher/senders/kafka-'],
  axios: ['src/transports/axios/'],
  express: ['src/transports/express/'],
  kafkajs: ['src/transports/kafkajs/', 'src/publisher/senders/kafka-'],
  thrift: ['src/transports/thrift/'],
  undici: ['src/transports/undici/'],
}
