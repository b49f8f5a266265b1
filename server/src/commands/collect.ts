import { type Command, InvalidArgumentError } from 'commander'
import { ZipkinForwarder } from '../collector/zipkin-forwarder.ts'
import { mergeSpans } from '../traces/merge-spans.ts'
import { forwarderText } from './progress.ts'
import { type Destination, StreamReading } from './read-stream.ts'
import { stopOnSignal } from './stop-signal.ts'
import { drawTrace, TraceOutput } from './trace-output.ts'
import { httpUrl, nonEmpty, UsageError, wholeNumber } from './usage.ts'

/** What `tdist-server collect` was asked to do. */
interface CollectOptions {
  readonly stream?: string
  readonly endpoint?: string
  readonly region?: string
  readonly from?: Start
  readonly to: Target
  readonly settle: number
  readonly once?: boolean
  readonly wait: boolean
}

type Start = 'trim-horizon' | 'latest' | Date
/** Terminal, JSON lines, or the base URL of a Zipkin server. */
type Target = 'terminal' | 'json' | { readonly zipkin: string }

/** How long the command may take to deliver what it holds once it is told to end. */
const CLOSE_MS = 4000

const MORE = `
Traces go to standard output, progress and counts to standard error. A trace that
is not complete after 30 seconds is shown with what is missing. The AWS SDK finds
region and credentials in its environment and files; an endpoint on this machine
needs none. Ctrl-C ends it and shows the counts. The exit code is 0; 1 when spans
were lost, 2 when an option is wrong.`

/** Adds the command `collect`: reads spans from a Kinesis stream and shows or forwards their traces. */
export function collect(program: Command): void {
  program
    .command('collect')
    .description('Reads spans from a Kinesis stream and shows their traces.')
    .option('--stream <name>', 'the stream to read; all its shards are read', nonEmpty('spans'))
    .option('--endpoint <url>', 'where Kinesis is; default: AWS in the region', httpUrl)
    .option('--region <name>', 'the AWS region; default: from the environment', nonEmpty('us-east-1'))
    .option(
      '--from <where>',
      'trim-horizon (the oldest kept), latest (what comes from now on) or a time as 2026-01-31T12:00:00Z; ' +
        'default: latest, with --once trim-horizon',
      startOf,
    )
    .option(
      '--to <where>',
      'terminal: each trace as a tree, when it is complete; json: each trace as one line, a list of Zipkin v2 ' +
        'spans; zipkin=URL: all spans to a Zipkin server as they come',
      targetOf,
      'terminal' as Target,
    )
    .option(
      '--settle <ms>',
      'how long no span of a trace must have come before the trace is shown; three times as long while one ' +
        'half of a call has not come',
      wholeNumber(0, 600_000),
      1000,
    )
    .option('--once', 'stop when everything up to now is read')
    .option('--no-wait', 'fail when the stream is not there, instead of waiting for it')
    .addHelpText('after', MORE)
    .action(async (options: CollectOptions) => {
      process.exitCode = await run(options)
    })
}

async function run({ stream, settle, to, ...options }: CollectOptions): Promise<number> {
  // Not one of commander's required options: it would say so before it says that another is not known.
  if (stream === undefined) throw new UsageError('name the stream to read: --stream NAME')
  const { stop, release } = stopOnSignal()
  // The reader of the traces has gone, as `head` does when it has enough.
  process.stdout.on('error', () => stop.abort())
  const write = (text: string): void => {
    reading.progress.clear()
    process.stdout.write(text)
  }
  const { from = options.once ? 'trim-horizon' : 'latest' } = options
  const reading = new StreamReading(
    { ...options, streamName: stream, from },
    destinationOf(to, settle, write),
  )
  let lost = 0
  try {
    await reading.run(stop.signal)
  } finally {
    lost = await reading.close()
    release()
  }
  reading.progress.say(reading.text())
  return lost > 0 ? 1 : 0
}

function destinationOf(to: Target, settleMs: number, write: (text: string) => void): Destination {
  if (to === 'terminal') {
    return new TraceOutput({ settleMs }, (spans, end) => drawTrace(spans, end, write))
  }
  if (to === 'json') {
    return new TraceOutput({ settleMs }, (spans) => write(`${JSON.stringify(mergeSpans(spans))}\n`))
  }
  const forwarder = new ZipkinForwarder({ url: to.zipkin })
  return {
    take: (spans, record) => forwarder.add(spans, record),
    text: () => forwarderText(forwarder.stats()),
    async close() {
      await forwarder.close(CLOSE_MS)
      const { rejected, unsent } = forwarder.stats()
      return rejected + unsent
    },
  }
}

function startOf(value: string): Start {
  if (value === 'trim-horizon' || value === 'latest') return value
  const time = new Date(value)
  if (/^\d{4}-\d\d-\d\d/.test(value) && !Number.isNaN(time.getTime())) return time
  throw new InvalidArgumentError('give trim-horizon, latest or a time as 2026-01-31T12:00:00Z')
}

function targetOf(value: string): Target {
  if (value === 'terminal' || value === 'json') return value
  if (value.startsWith('zipkin=')) return { zipkin: httpUrl(value.slice('zipkin='.length)) }
  throw new InvalidArgumentError('give terminal, json or zipkin=URL')
}
