// What a service may do wrong in the code that sets its tracing up, by name.

const limits = { encoding: 'json', maxRecordBytes: 51_200, maxRecords: 500, maxCallBytes: 256 << 10 }
const quiet = { ...limits, send: async () => {} }
const thrown = () => {
  throw new Error('thrown in the service')
}
const rejected = () => Promise.reject(new Error('rejected in the service'))
/** What cannot even be asked what it is. */
const hostile = new Proxy(() => {}, { get: thrown, has: thrown, getPrototypeOf: thrown, ownKeys: thrown })

const withSender = (send, publisher = {}) => ({ serviceName: 'app', sender: { ...limits, send }, publisher })
const withHandler = (spanHandler) => ({ serviceName: 'app', sender: quiet, spanHandler })
const withRules = (rules) => ({ serviceName: 'app', sender: quiet, http: { server: rules, client: rules } })
const withSampler = (isSampled) => ({ serviceName: 'app', sender: quiet, sampler: { isSampled } })
const wrong = (options) => ({ serviceName: 'app', sender: quiet, ...options })

const faults = {
  'nothing is wrong': withSender(async () => {}),
  baggage: {
    ...withSender(async () => {}),
    baggage: ['user-id', 'x-flood'],
    propagation: ['w3c', 'b3', 'b3-single'],
  },

  'a sender that throws': withSender(thrown),
  'a sender that rejects': withSender(rejected),
  'a sender that rejects with nothing': withSender(() => Promise.reject(undefined)),
  'a sender that rejects with what cannot be read': withSender(() => Promise.reject(hostile)),
  'a sender that hangs': withSender(() => new Promise(() => {})),
  'a sender that hangs and gives up': withSender(() => new Promise(() => {}), {
    callTimeoutMs: 20,
  }),
  'a sender that returns nonsense': withSender(() => 42),
  'a sender that resolves to too few outcomes': withSender(async () => []),
  'a sender that resolves to unknown outcomes': withSender(async (records) => records.map(() => 'perhaps')),
  'a sender that resolves to what cannot be read': withSender(async () => [hostile]),
  'a sender whose close throws': { ...withSender(async () => {}), sender: { ...quiet, close: thrown } },

  'a span handler whose begin throws': withHandler({ begin: thrown }),
  'a span handler whose end throws': withHandler({ end: thrown }),
  'a span handler whose begin rejects': withHandler({ begin: rejected }),
  'a span handler whose end rejects': withHandler({ end: rejected }),
  'a span handler that ruins spans': withHandler({
    end: (span) =>
      void Object.assign(span, { tags: { toString: hostile }, timestamp: hostile, duration: 1n }),
  }),
  'a span handler that is no function': withHandler({ end: 42 }),

  'a sampler that throws': withSampler(thrown),
  'a sampler that rejects': withSampler(rejected),
  'a sampler that answers nonsense': withSampler(() => 'perhaps'),

  'an http sampler that throws': withRules({ sampler: thrown }),
  'an http sampler that rejects': withRules({ sampler: rejected }),
  'an http sampler that answers nonsense': withRules({ sampler: () => 'perhaps' }),
  'a request rule that throws': withRules({ request: thrown }),
  'a request rule that rejects': withRules({ request: rejected }),
  'a response rule that throws': withRules({ response: thrown }),
  'a response rule that rejects': withRules({ response: rejected }),
  'a rule that tags what cannot be read': withRules({
    request: (_request, span) => span.tag('hostile', hostile),
  }),
  'a rule that names by what cannot be read': withRules({ request: (_request, span) => span.name(hostile) }),
  'a rule that fails with what cannot be read': withRules({
    response: (_response, span) => span.error(hostile),
  }),
  'a rule that puts in what no header takes': {
    ...wrong({ baggage: ['user-id'] }),
    http: {
      server: {
        request: (_request, span) => {
          Object.defineProperty(span.context, 'extra', { value: { baggage: { 'user-id': 'a\r\nb: c' } } })
        },
      },
    },
  },

  'no options': undefined,
  'options that throw': {
    get serviceName() {
      return thrown()
    },
  },
  'a sender that is a name': wrong({ sender: 'kinesis' }),
  'a publisher that holds nothing': wrong({ publisher: { maxSpans: 0 } }),
}

/** What `createTracing` is given in the case of this name. */
export function optionsOf(name) {
  if (!Object.hasOwn(faults, name)) throw new Error(`no case is called ${name}`)
  return faults[name]
}
