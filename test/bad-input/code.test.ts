import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  assertBalanced,
  everyday,
  everydayUntraced,
  explicit,
  linesOf,
  NOT_SENT,
  run,
  speaks,
} from './service.ts'

const again = 'tdist: spans could not be sent and will be tried again: '
const failed = (where: string, why: string) => [
  `tdist: ${where} failed and the call went on untraced: ${why}`,
]
const inDoubt = (why: string) => [`tdist: N spans may be lost: sent, and not known to be stored: ${why}`]
const off = (why: string) => [`tdist: tracing is off: ${why}`]
const thrown = 'thrown in the service'
const rejected = 'rejected in the service'
const perhaps = 'it answered perhaps; answer true or false'
const promise = 'it answered a promise; answer true or false'
const notEncoded = `tdist: N spans dropped: they could not be encoded: ${thrown}`

/** What the service says of each, on standard error. */
const expected: Record<string, readonly string[]> = {
  'nothing is wrong': [],
  baggage: [],
  'a sender that throws': [again + thrown, NOT_SENT],
  'a sender that rejects': [again + rejected, NOT_SENT],
  'a sender that rejects with nothing': [`${again}undefined`, NOT_SENT],
  'a sender that rejects with what cannot be read': [`${again}an error that cannot be read`, NOT_SENT],
  'a sender that hangs': [NOT_SENT],
  'a sender that hangs and gives up': inDoubt('no answer from the sender within 20 ms'),
  'a sender that returns nonsense': inDoubt('the sender did not give one outcome for each record'),
  'a sender that resolves to too few outcomes': inDoubt(
    'the sender did not give one outcome for each record',
  ),
  'a sender that resolves to unknown outcomes': inDoubt('the sender gave an unknown outcome'),
  'a sender that resolves to what cannot be read': inDoubt('the sender gave an unknown outcome'),
  'a sender whose close throws': [],
  'a span handler whose begin throws': failed('spanHandler.begin', thrown),
  'a span handler whose end throws': failed('spanHandler.end', thrown),
  'a span handler whose begin rejects': failed('spanHandler.begin', rejected),
  'a span handler whose end rejects': failed('spanHandler.end', rejected),
  'a span handler that ruins spans': [notEncoded],
  'a span handler that is no function': failed('spanHandler.end', 'handler.end is not a function'),
  'a sampler that throws': failed('sampler', thrown),
  'a sampler that rejects': failed('sampler', promise),
  'a sampler that answers nonsense': failed('sampler', perhaps),
  'an http sampler that throws': failed('http rule', thrown),
  'an http sampler that rejects': failed('http rule', promise),
  'an http sampler that answers nonsense': failed('http rule', perhaps),
  'a request rule that throws': failed('http rule', thrown),
  'a request rule that rejects': failed('http rule', rejected),
  'a response rule that throws': failed('http rule', thrown),
  'a response rule that rejects': failed('http rule', rejected),
  'a rule that tags what cannot be read': [],
  'a rule that names by what cannot be read': [],
  'a rule that fails with what cannot be read': [],
  'a rule that puts in what no header takes': failed(
    'inject',
    'Invalid character in header content ["user-id"]',
  ),
  'no options': off('createTracing was given no options; give at least a serviceName'),
  'options that throw': off(thrown),
  'a sender that is a name': off('sender has no method send; use httpSender, kinesisSender or consoleSender'),
  'a publisher that holds nothing': off('publisher.maxSpans must be a number of at least 1, not 0'),
}

describe('whatever is wrong in the code that sets tracing up', { concurrency: 3 }, () => {
  for (const FAULT of Object.keys(expected)) {
    it(`${FAULT}: the service answers as untraced, ends with its own code, and says it in a line`, async () => {
      const traced = await run({ file: explicit, env: { FAULT } }, everyday, {
        speaks: speaks(expected[FAULT]!),
      })
      const { answers, end } = await everydayUntraced()
      assert.deepEqual(traced.answers, answers)
      assert.deepEqual(traced.end, end)
      assert.deepEqual(linesOf(traced), expected[FAULT])
      assertBalanced(traced)
    })
  }

  const endings = [
    ['a sender that throws', 'SIGTERM'],
    ['a sender that hangs', 'SIGINT'],
    ['a sender that returns nonsense', 'SIGTERM'],
  ] as const
  for (const [FAULT, signal] of endings) {
    it(`${FAULT}: ${signal} ends it, and what was lost is said`, async () => {
      const traced = await run({ file: explicit, env: { FAULT } }, everyday.slice(0, 3), {
        signal,
        speaks: speaks(expected[FAULT]!),
      })
      assert.deepEqual(traced.end, { code: null, signal })
      assert.deepEqual(linesOf(traced), expected[FAULT])
    })
  }
})
