import { AsyncLocalStorage } from 'node:async_hooks'
import { createTracing, never } from 'tdist'
import { countingSender } from './counting-sender.ts'
import { answerLoops, type Loop } from './loops.ts'
import { internals } from './internals.ts'

const sender = countingSender()
const unsampled = process.env.BENCH_SAMPLED === '0'
const tracing = createTracing({ serviceName: 'bench', sender, ...(unsampled ? { sampler: never } : {}) })
const { tracer, dataManager } = internals(tracing)

function localSpan(times: number): void {
  for (let i = 0; i < times; i++) {
    tracer.trace('resize', (span) => {
      span.tag('image.format', 'jpeg')
      span.tag('image.size', '640x480')
      span.tag('image.quality', 80)
      span.tag('image.index', i)
    })
  }
}

/** Throws unless so many spans and no more were sent. */
function sends(spansOf: (times: number) => number): NonNullable<Loop['settle']> {
  return (times) => sender.expect(tracing, spansOf(times))
}

let calls = 0
const fn = (): number => ++calls
const request = tracer.nextSpan(undefined)
const storage = new AsyncLocalStorage<object>()

answerLoops({
  child: {
    run: (times) => tracer.trace('request', () => localSpan(times)),
    settle: sends((times) => times + 1),
  },
  root: { run: localSpan, settle: sends((times) => times) },
  als: {
    run(times) {
      for (let i = 0; i < times; i++) storage.run(request, fn)
    },
  },
  run: {
    run(times) {
      for (let i = 0; i < times; i++) dataManager.run(request, fn)
    },
    settle: sends(() => 0),
  },
  trace: {
    run(times) {
      dataManager.run(request, () => {
        for (let i = 0; i < times; i++) tracer.trace('resize', fn)
      })
    },
    settle: sends(() => 0),
  },
})
