import { Child } from './child.ts'
import type { Mode } from './load/sink.ts'
import type { TwinAnswers } from './load/twin-client.ts'
import type { Account } from './measured/account.ts'
import type { NodeBinary } from './node-binary.ts'
import { TwinSampler } from './twin-sampler.ts'
import { importsOf, type Variant } from './variants.ts'

/** Where the spans go. */
export type Collector = 'http' | 'kinesis'

/** What was seen of a service whose collector goes away and comes back, beside the same service untraced. */
export interface OutageRun {
  /** Requests a second that each of the two answered. */
  readonly perSecond: number
  /** Requests that the two did not answer alike. */
  readonly different: number
  /** By how many bytes more the traced service's peak grew than the untraced one's. */
  readonly growth: number
  /** The most lines on standard error within any minute. */
  readonly linesAMinute: number
  /** How many spans the account was off, at its worst moment. */
  readonly unaccounted: number
  /** Spans said to be sent that did not arrive, and those that arrived beyond what may have gone twice. */
  readonly misdelivered: number
  /** Spans held when the collector came back, and all that it took after that. */
  readonly held: number
  readonly delivered: number
  /** From there until spans went out as they came, in seconds; and the spans lost later. */
  readonly recovery: number
  readonly lostLater: number
}

/** Requests a second; fewer where the machine can't do it. */
export const RATE = 2000
const CONNECTIONS = 32
/** A tenth of the requests make a call with undici, another tenth finds nothing. */
const PATHS = [...Array.from({ length: 8 }, () => '/items/:n?page=:n'), '/stock/:n', '/nowhere/:n']
const SPANS_PER_REQUEST = 1.1
/** Spans wait for others for a second; these wait for nothing else. */
const UP_TO_DATE_MS = 2000
const LONGEST_RECOVERY_MS = 60_000

/** Half of the outage the collector refuses connections, half of it it never answers. */
export async function outageRun(to: Collector, node: NodeBinary, seconds: number): Promise<OutageRun> {
  const backend = new Child('load/sink.js')
  const collector = new Child(to === 'http' ? 'load/sink.js' : 'load/stream.js')
  const client = new Child('load/twin-client.js')
  const children = [backend, collector, client]
  const lines: { at: number; text: string }[] = []
  try {
    const env = {
      BENCH_BACKEND: `http://127.0.0.1:${await backend.ask<number>({ ask: 'port' })}`,
      ...(await settings(to, collector)),
    }
    const [traced, untraced] = (['tdist', 'untraced'] as const).map((variant: Variant) => {
      const onStderr = (text: string): void => void lines.push({ at: performance.now(), text })
      return new Child('measured/service.js', { node, imports: importsOf(variant), env, onStderr })
    }) as [Child, Child]
    children.push(traced, untraced)
    const ports = [await traced.ask<number>({ ask: 'port' }), await untraced.ask<number>({ ask: 'port' })]

    const answers: TwinAnswers[] = []
    const drive = async (forSeconds: number): Promise<void> => {
      const load = { ports, paths: PATHS, perSecond: RATE, seconds: forSeconds, connections: CONNECTIONS }
      answers.push(await client.ask<TwinAnswers>({ ask: 'drive', ...load }))
    }
    const collect = (mode: Mode): Promise<void> => collector.ask({ ask: 'mode', to: mode })

    await drive(seconds / 4)
    const sampler = new TwinSampler(traced, untraced)
    const { samples } = sampler
    await drive(seconds / 4)
    const calm = samples.slice()
    // What comes before, such as the SDK's warning of an old Node, has nothing to do with the outage.
    lines.length = 0
    await collect('refused')
    await drive(seconds / 2)
    await collect('hanging')
    await drive(seconds / 2)
    const back = samples.at(-1)!.account
    await collect('up')
    const backAt = performance.now()
    await drive(seconds / 2)
    const upToDate = await sampler.find(
      ({ at, account }) => at > backAt && account.sent > back.sent && account.oldestMs < UP_TO_DATE_MS,
      LONGEST_RECOVERY_MS,
    )
    await sampler.end()
    await traced.ask({ ask: 'flush' })
    const { account: end } = await sampler.look()
    const arrived = await collector.ask<number>({ ask: 'spans', reset: false })

    const requests = sum(answers.map((answer) => answer.requests))
    const example = answers.find((answer) => answer.example)?.example
    if (example) console.error(`bench: traced / untraced, ${example}`)
    const grown = (key: 'rss' | 'untracedRss'): number =>
      Math.max(...samples.map((sample) => sample[key])) - Math.max(...calm.map((sample) => sample[key]))
    const twice = end.possibleDuplicates + end.inDoubt
    return {
      perSecond: requests / sum(answers.map((answer) => answer.seconds)),
      different: sum(answers.map((answer) => answer.different)),
      growth: grown('rss') - grown('untracedRss'),
      linesAMinute: Math.max(0, ...lines.map((from) => lines.filter(within(60_000, from)).length)),
      unaccounted: Math.max(
        Math.abs(end.offered - Math.round(requests * SPANS_PER_REQUEST)),
        ...samples.map(({ account }) => Math.abs(account.unaccounted)),
      ),
      misdelivered: Math.max(0, end.sent - arrived) + Math.max(0, arrived - end.sent - twice),
      held: back.queued + back.inFlight,
      delivered: end.sent - back.sent,
      recovery: (upToDate.at - backAt) / 1000,
      lostLater: lost(end) - lost(upToDate.account),
    }
  } finally {
    for (const { text } of lines) console.error(`bench: the service said: ${text}`)
    await Promise.all(children.map((child) => child.stop()))
  }
}

function within(ms: number, { at: from }: { at: number }): (line: { at: number }) => boolean {
  return ({ at }) => at >= from && at < from + ms
}

/** What tells the drop-in where to send; an untraced service has it too, and does not care. */
async function settings(to: Collector, collector: Child): Promise<Record<string, string>> {
  const shared = { TDIST_SERVICE_NAME: 'bench', TDIST_SENDER: to }
  if (to === 'http') {
    const port = await collector.ask<number>({ ask: 'port' })
    return { ...shared, TDIST_ZIPKIN_URL: `http://127.0.0.1:${port}/api/v2/spans` }
  }
  return {
    ...shared,
    TDIST_KINESIS_STREAM: 'spans',
    TDIST_KINESIS_ENDPOINT: await collector.ask<string>({ ask: 'endpoint' }),
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'any',
    AWS_SECRET_ACCESS_KEY: 'thing',
  }
}

function lost({ dropped, inDoubt }: Account): number {
  return inDoubt + sum(Object.values(dropped))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
