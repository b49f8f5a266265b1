import { parseOptions, UsageError, wholeNumber } from './usage.ts'

export const COLLECT_HELP = `tdist collect: reads spans from a Kinesis stream and shows their traces

  tdist collect --stream NAME [options]

  --stream NAME     the stream to read, all its shards
  --endpoint URL    where Kinesis is; default: AWS in the region
  --region R        the AWS region; default: from the environment
  --from WHERE      trim-horizon (the oldest kept), latest (what comes from now on) or a time as
                    2026-01-31T12:00:00Z; default latest, with --once trim-horizon
  --to WHERE        terminal: each trace as a tree, when it is complete (the default)
                    json: each trace as one line, a list of Zipkin v2 spans
                    zipkin=URL: all spans to a Zipkin server as they come
  --settle MS       how long nothing must have come of a trace before it is shown; default 1000;
                    three times that while a call's other half has not come
  --once            stop when everything up to now is read
  --no-wait         fail when the stream is not there; default: wait for it
  --help            this text

Traces go to standard output, progress and counts to standard error. What is missing of a trace after
30 seconds is named. Credentials are found as the AWS SDK finds them. Ctrl-C ends it with the counts.
The exit code is 0, 1 when spans were lost on their way, 2 when an option is wrong.
`

/** What `tdist collect` was asked to do. */
export interface CollectOptions {
  readonly streamName: string
  readonly endpoint: string | undefined
  readonly region: string | undefined
  readonly from: 'trim-horizon' | 'latest' | Date
  /** Terminal, JSON lines, or the base URL of a Zipkin server. */
  readonly to: 'terminal' | 'json' | { readonly zipkin: string }
  readonly settleMs: number
  readonly once: boolean
  readonly wait: boolean
}

/** Reads the arguments; undefined when help is wanted. Throws a UsageError of one line. */
export function parseCollectOptions(args: string[]): CollectOptions | undefined {
  const values = parseOptions('tdist collect', args, {
    stream: { type: 'string' },
    endpoint: { type: 'string' },
    region: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string', default: 'terminal' },
    settle: { type: 'string', default: '1000' },
    once: { type: 'boolean', default: false },
    'no-wait': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  })
  if (values.help) return undefined
  if (!values.stream) throw new UsageError('name the stream to read: --stream NAME')
  if (values.region === '') throw new UsageError('--region is empty; give one as us-east-1')
  return {
    streamName: values.stream,
    endpoint: values.endpoint === undefined ? undefined : httpUrl('--endpoint', values.endpoint),
    region: values.region,
    from: parseFrom(values.from ?? (values.once ? 'trim-horizon' : 'latest')),
    to: parseTo(values.to),
    settleMs: wholeNumber('--settle', values.settle, 0, 600_000),
    once: values.once,
    wait: !values['no-wait'],
  }
}

function parseFrom(value: string): CollectOptions['from'] {
  if (value === 'trim-horizon' || value === 'latest') return value
  const time = new Date(value)
  if (/^\d{4}-\d\d-\d\d/.test(value) && !Number.isNaN(time.getTime())) return time
  throw new UsageError(`--from is ${value}; give trim-horizon, latest or a time as 2026-01-31T12:00:00Z`)
}

function parseTo(value: string): CollectOptions['to'] {
  if (value === 'terminal' || value === 'json') return value
  if (value.startsWith('zipkin=')) return { zipkin: httpUrl('--to zipkin', value.slice('zipkin='.length)) }
  throw new UsageError(`--to is ${value}; give terminal, json or zipkin=URL`)
}

function httpUrl(option: string, value: string): string {
  if (/^https?:\/\//.test(value) && URL.canParse(value)) return value
  throw new UsageError(`${option} is ${value || 'empty'}; give a URL as http://127.0.0.1:9411`)
}
