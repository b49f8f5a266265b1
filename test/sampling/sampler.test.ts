import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { always, never, samplePerSecond, sampleRate } from 'tdist'
import { perSecond } from '#src/sampling/sampler.js'
import { newTraceId } from '#src/span/ids.js'

describe('samplers', () => {
  it('always and never', () => {
    assert.equal(always.isSampled('0'), true)
    assert.equal(never.isSampled('0'), false)
  })

  it('sampleRate keeps its share, within one percent', () => {
    for (const rate of [0.1, 0.5, 0.9]) {
      const sampler = sampleRate(rate)
      let kept = 0
      for (let i = 0; i < 100_000; i++) if (sampler.isSampled(newTraceId(true))) kept++
      assert.ok(Math.abs(kept / 100_000 - rate) < 0.01, `${kept} of 100000 at ${rate}`)
    }
  })

  it('sampleRate decides by the low 32 bits, so a 64-bit and a 128-bit ID of one trace agree', () => {
    const sampler = sampleRate(0.5)
    assert.equal(sampler.isSampled('000000007fffffff'), true)
    assert.equal(sampler.isSampled('463ac35c9f6413ad000000007fffffff'), true)
    assert.equal(sampler.isSampled('463ac35c9f6413ad0000000080000000'), false)
  })

  it('sampleRate 0 and 1 are never and always', () => {
    assert.equal(sampleRate(0), never)
    assert.equal(sampleRate(1), always)
  })

  it('a rate that is none records nothing, and says so', () => {
    const write = mock.method(process.stderr, 'write', () => true)
    try {
      for (const rate of [-0.1, 1.1, Number.NaN]) assert.equal(sampleRate(rate), never)
      for (const rate of [-1, Number.NaN, Number.POSITIVE_INFINITY])
        assert.equal(samplePerSecond(rate), never)
      const lines = write.mock.calls.map((call) => String(call.arguments[0]))
      assert.equal(lines.length, 6)
      assert.equal(
        lines[0],
        'tdist: no trace is sampled: sampleRate(-0.1) is not a share of traces; give a number from 0 to 1\n',
      )
      assert.equal(
        lines[3],
        'tdist: no trace is sampled: samplePerSecond(-1) is not a number of traces; give 0 or more\n',
      )
    } finally {
      write.mock.restore()
    }
  })

  it('samplePerSecond keeps its number a second, spread over tenths', () => {
    let now = 1000
    const sampler = perSecond(100, () => now)
    const burst = () => Array.from({ length: 1000 }, () => sampler.isSampled('0')).filter(Boolean).length
    assert.equal(burst(), 10)
    assert.equal(burst(), 0)
    let second = 0
    for (let tenth = 0; tenth < 10; tenth++) {
      now += 100
      second += burst()
    }
    assert.equal(second, 100)
    now += 60_000
    assert.equal(burst(), 10, 'a pause is not saved up')
  })

  it('samplePerSecond below ten keeps its number over seconds', () => {
    let now = 1000
    const sampler = perSecond(2, () => now)
    let kept = 0
    for (let tenth = 0; tenth < 100; tenth++) {
      for (let i = 0; i < 10; i++) if (sampler.isSampled('0')) kept++
      now += 100
    }
    assert.ok(kept >= 19 && kept <= 21, `${kept} in ten seconds`)
  })

  it('samplePerSecond does not look at the wall clock', () => {
    mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 })
    try {
      const sampler = samplePerSecond(1)
      assert.ok(sampler.isSampled('0'))
      mock.timers.setTime(1_800_000_000_000)
      assert.ok(!sampler.isSampled('0'))
    } finally {
      mock.timers.reset()
    }
  })
})
