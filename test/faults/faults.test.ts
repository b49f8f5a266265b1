import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { copyWithFaultPoints, type FaultPoint } from './fault-points.ts'
import type { Reached, Trial, Verdict } from './faulty-process.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const copy = `${root}build/faults`
const PROCESSES = 2
/** Where faults still reach the service. What is named here is tried too, and is to get shorter. */
const UNGUARDED = ['clock.', 'context/', 'ids.', 'span.', 'tags.', 'tracer.', 'transports/']

describe('a fault in any function of ours', () => {
  let points: FaultPoint[]
  let reached: Reached[]
  const children: ChildProcess[] = []

  before(async () => {
    points = copyWithFaultPoints(`${root}build/src`, copy)
    for (let i = 0; i < PROCESSES; i++) {
      children.push(fork(new URL('faulty-process.js', import.meta.url), [copy], { execArgv: [] }))
    }
    await Promise.all(children.map((child) => answer<'ready'>(child)))
    reached = await ask<Reached[]>(children[0]!, 'reach')
  })
  after(() => children.forEach((child) => child.disconnect()))

  it('is tried in hundreds of them', () => {
    for (const { wiring, setup, requests } of reached) {
      assert.ok(new Set([...setup, ...requests]).size > 100, wiring)
    }
  })

  it('changes no response', async (t) => {
    const { changed, unreached } = await changesBy((name) => !isUnguarded(name), 10_000)
    for (const name of unreached) t.diagnostic(`reached once only, and not tried: ${name}`)
    assert.deepEqual(changed, [])
  })

  it('changes no response, of the tracer and the transports', { todo: 'to be guarded' }, async () => {
    const { changed } = await changesBy(isUnguarded, 300)
    assert.deepEqual(changed, [])
  })

  /** What was other than untraced with a fault in the functions of these names, and which were not reached. */
  async function changesBy(
    isTried: (name: string) => boolean,
    patienceMs: number,
  ): Promise<{ changed: string[]; unreached: string[] }> {
    const left = trialsOf(patienceMs).filter(({ point }) => isTried(points[point]!.name))
    assert.ok(left.length > 100)
    const changed: string[] = []
    const unreached: string[] = []
    const work = async (child: ChildProcess): Promise<void> => {
      for (let trial = left.shift(); trial; trial = left.shift()) {
        const { changes, reached: wasReached } = await ask<Verdict>(child, trial)
        const name = `${points[trial.point]!.name}, ${trial.kind}, ${trial.wiring}`
        if (!wasReached) unreached.push(name)
        if (changes.length > 0)
          changed.push(`${name}: ${changes[0]!.split('\r\n', 1)[0]!.split('\n', 1)[0]!}`)
      }
    }
    await Promise.all(children.map(work))
    return { changed, unreached }
  }

  /** Each kind of fault in each function that is reached; from the start only where the service is told nothing. */
  function trialsOf(patienceMs: number): Trial[] {
    return reached.flatMap(({ wiring, setup, requests }) => {
      const trials = (from: Trial['from'], numbers: readonly number[]): Trial[] =>
        numbers.flatMap((point) =>
          points[point]!.kinds.map((kind) => ({ point, kind, wiring, from, patienceMs })),
        )
      return [...trials('requests', requests), ...(wiring === 'drop-in' ? trials('setup', setup) : [])]
    })
  }
})

function isUnguarded(name: string): boolean {
  return UNGUARDED.some((place) => name.startsWith(place))
}

async function ask<Answer>(child: ChildProcess, question: Trial | 'reach'): Promise<Answer> {
  const answered = answer<Answer>(child)
  child.send(question)
  return answered
}

async function answer<Answer>(child: ChildProcess): Promise<Answer> {
  const ended = new AbortController()
  const gone = once(child, 'exit', { signal: ended.signal }).then(() => {
    throw new Error('the process of the service ended')
  })
  const [message] = (await Promise.race([once(child, 'message'), gone])) as [Answer]
  ended.abort()
  gone.catch(() => {})
  return message
}
