import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { afterEach, describe, it } from 'node:test'
import { createTracing, never, traced, type Span } from 'tdist'
import { createTestTracing } from 'tdist/testing'
import { internals } from '../support/internals.ts'

const test = createTestTracing()
const { tracer, dataManager } = internals(test.tracing)

afterEach(() => test.assertClean())

describe('Tracer.trace', () => {
  it('is a local span with times in whole microseconds, and returns what the function returns', async () => {
    const before = Date.now() * 1000 - 2000
    assert.equal(
      tracer.trace('resize', () => 42),
      42,
    )
    const [span] = await test.take(1)
    assert.equal(span!.name, 'resize')
    assert.equal(span!.kind, undefined)
    assert.match(span!.traceId, /^[0-9a-f]{32}$/)
    assert.equal(span!.id, span!.traceId.slice(16))
    assert.ok(Number.isInteger(span!.timestamp) && span!.timestamp! >= before)
    assert.ok(span!.timestamp! <= Date.now() * 1000 + 2000)
    assert.ok(Number.isInteger(span!.duration) && span!.duration! >= 1)
    assert.equal(span!.localEndpoint?.serviceName, 'test')
  })

  it('takes tags, annotations and a new name from options, from its span and from currentSpan', async () => {
    tracer.trace('a', { tags: { size: 3, kept: true } }, (span) => {
      assert.equal(tracer.currentSpan, span)
      tracer.currentSpan?.tag('key', 'value').annotate('cache miss').name('b')
    })
    const [span] = await test.take(1)
    assert.equal(span!.name, 'b')
    assert.deepEqual({ ...span!.tags }, { size: '3', kept: 'true', key: 'value' })
    assert.equal(span!.annotations?.[0]?.value, 'cache miss')
  })

  it('nests: children share the trace, and their times lie within their parent', async () => {
    await tracer.trace('outer', async () => {
      await tracer.trace('inner', () => new Promise((resolve) => setTimeout(resolve, 2)))
    })
    const [inner, outer] = await test.take(2)
    assert.equal(inner!.traceId, outer!.traceId)
    assert.equal(inner!.parentId, outer!.id)
    assert.ok(inner!.timestamp! >= outer!.timestamp!)
    assert.ok(inner!.timestamp! + inner!.duration! <= outer!.timestamp! + outer!.duration!)
  })

  it('tags an error and passes it on as it is: thrown', async () => {
    const error = new Error('no disk')
    assert.throws(
      () =>
        tracer.trace('save', () => {
          throw error
        }),
      (thrown) => thrown === error,
    )
    const [span] = await test.take(1)
    assert.equal(span!.tags!['error'], 'no disk')
  })

  it('tags an error and passes it on as it is: rejected', async () => {
    const error = new Error('no disk')
    await assert.rejects(
      tracer.trace('save', async () => {
        await Promise.resolve()
        throw error
      }),
      (thrown) => thrown === error,
    )
    const [span] = await test.take(1)
    assert.equal(span!.tags!['error'], 'no disk')
  })

  it('passes on what is not an Error, and what cannot be read', async () => {
    const odd = { toString: () => assert.fail('unreadable') }
    for (const thrown of ['text', undefined, null, 7, odd, Object.create(null)]) {
      try {
        tracer.trace('odd', () => {
          throw thrown
        })
      } catch (caught) {
        assert.equal(caught, thrown)
      }
      const [span] = await test.take(1)
      assert.equal(typeof span!.tags!['error'], 'string')
    }
  })

  it('returns a subclassed promise itself, and ends with it', async () => {
    class Request extends Promise<number> {
      readonly method = 'GET'
    }
    const request = new Request((resolve) => setImmediate(resolve, 1))
    const returned = tracer.trace('get', () => request)
    assert.equal(returned, request)
    assert.equal(await returned, 1)
    await test.take(1)
  })

  it('leaves a thenable alone: calling `then` would run the query', async () => {
    let runs = 0
    const query = { then: (ok: (rows: string[]) => void) => (runs++, ok(['row'])) }
    const returned = tracer.trace('select', () => query)
    assert.equal(returned, query)
    assert.equal(runs, 0)
    await test.take(1)
  })

  it('a rejection that nobody handles is still unhandled, once', async () => {
    const script = `
      import { createTestTracing } from 'tdist/testing'
      let unhandled = 0
      process.on('unhandledRejection', () => unhandled++)
      createTestTracing().tracing.tracer.trace('x', async () => { throw new Error('lost') })
      setTimeout(() => console.log('unhandled', unhandled), 20)`
    const output = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, ['--input-type=module', '-e', script], (error, stdout) =>
        error ? reject(error) : resolve(stdout),
      )
    })
    assert.equal(output, 'unhandled 1\n')
  })

  it('below a span that is not sampled it only runs the function', () => {
    const unsampled = tracer.newTrace(undefined, false)
    dataManager.run(unsampled, () => {
      tracer.trace('a', (span) => assert.equal(span, unsampled))
    })
  })
})

describe('Tracer.wrap', () => {
  it('passes this, arguments and result through, keeps name and length, and makes a span a call', async () => {
    const owner = {
      base: 1,
      add: tracer.wrap('add', function add(this: { base: number }, a: number, b: number) {
        return this.base + a + b
      }),
    }
    assert.equal(owner.add(1, 2), 4)
    assert.equal(owner.add(2, 2), 5)
    assert.equal(owner.add.length, 2)
    assert.equal(owner.add.name, 'add')
    assert.deepEqual(
      (await test.take(2)).map((span) => span.name),
      ['add', 'add'],
    )
  })
})

describe('@traced', () => {
  it('works as a TC39 decorator', async () => {
    class Images {
      readonly size = 3

      @traced()
      resize(by: number): number {
        return this.size * by
      }

      @traced('store image')
      async store(): Promise<string> {
        await Promise.resolve()
        return 'stored'
      }
    }
    createTestTracingAgain()
    const images = new Images()
    assert.equal(images.resize(2), 6)
    assert.equal(await images.store(), 'stored')
    assert.deepEqual(
      (await again.take(2)).map((span) => span.name),
      ['resize', 'store image'],
    )
    again.assertClean()
  })

  it("works as TypeScript's experimental decorator", async () => {
    const target = {
      base: 2,
      double(this: { base: number }): number {
        return this.base * 2
      },
    }
    const descriptor = Object.getOwnPropertyDescriptor(target, 'double')!
    Object.defineProperty(target, 'double', traced()(target, 'double', descriptor))
    assert.equal(target.double(), 4)
    assert.equal((await again.take(1))[0]!.name, 'double')
    again.assertClean()
  })

  // Decorators use the tracing made last, whichever test file made it.
  let again = test
  function createTestTracingAgain(): void {
    again = createTestTracing()
  }
})

describe('Span', () => {
  it('cuts values at 256 characters, never within a surrogate pair, or as told', async () => {
    tracer.trace('a', (span) => {
      span
        .tag('long', 'x'.repeat(300))
        .tag('pair', `${'x'.repeat(255)}😀`)
        .annotate('y'.repeat(300))
    })
    const [span] = await test.take(1)
    assert.equal(span!.tags!['long']!.length, 256)
    assert.equal(span!.tags!['pair'], 'x'.repeat(255))
    assert.equal(span!.annotations![0]!.value.length, 256)

    const longer = createTestTracing({ maxTagLength: 1000 })
    longer.tracing.tracer.trace('a', (inner) => inner.tag('long', 'x'.repeat(999)))
    assert.equal((await longer.take(1))[0]!.tags!['long']!.length, 999)
  })

  it('refuses tags whose key looks like a secret', async () => {
    const keys = ['password', 'Authorization', 'x-api-key', 'set-cookie', 'access_token', 'client.secret']
    tracer.trace('a', (span) => {
      for (const key of keys) span.tag(key, 'do not show')
      span.tag('passenger', 'shown')
    })
    const [span] = await test.take(1)
    assert.deepEqual({ ...span!.tags }, { passenger: 'shown' })
  })

  it('a tag may have any name', async () => {
    tracer.trace('a', (span) => span.tag('__proto__', 'a').tag('constructor', 'b').tag('', 'c'))
    const [span] = await test.take(1)
    assert.deepEqual(Object.entries(span!.tags!), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['', 'c'],
    ])
  })

  it('keeps its first error, finishes once, and is deaf afterwards', async () => {
    let kept: Span
    tracer.trace('a', (span) => {
      kept = span
      span.error(new Error('first')).error(new Error('second'))
      span.finish()
      span.tag('late', '1').annotate('late').name('late').finish()
    })
    const [span] = await test.take(1)
    assert.deepEqual({ ...span!.tags }, { error: 'first' })
    assert.equal(span!.name, 'a')
    assert.equal(kept!.recording, false)
  })
})

describe('createTracing', () => {
  it('spanHandler sees begin and end with the error, may change and drop; one that throws is only counted', async () => {
    const seen: unknown[] = []
    const error = new Error('boom')
    const handled = createTestTracing({
      spanHandler: {
        begin: (span) => void seen.push(span.context.spanId),
        end(data, cause) {
          seen.push(cause)
          if (data.name === 'dropped') return false
          if (data.name === 'faulty') throw new Error('a bug in the handler')
          data.name = 'changed'
          return undefined
        },
      },
    })
    const run = (name: string, fn: () => void = () => {}) => handled.tracing.tracer.trace(name, fn)
    assert.throws(() =>
      run('a', () => {
        throw error
      }),
    )
    run('dropped')
    run('faulty')
    const [span] = await handled.take(1)
    assert.equal(span!.name, 'changed')
    assert.deepEqual(seen, [span!.id, error, seen[2], undefined, seen[4], undefined])
    assert.deepEqual(handled.tracing.faults, { 'spanHandler.end': 1 })
  })

  it('64-bit IDs on wish', async () => {
    const short = createTestTracing({ traceId128: false })
    short.tracing.tracer.trace('a', () => {})
    const [span] = await short.take(1)
    assert.match(span!.traceId, /^[0-9a-f]{16}$/)
    assert.equal(span!.id, span!.traceId)
  })

  it('records nothing when off, and when never sampled', () => {
    const begun: Span[] = []
    const spanHandler = { begin: (span: Span) => void begun.push(span) }
    for (const options of [{ enabled: false }, { sampler: never }]) {
      const tracing = createTracing({ serviceName: 'a', spanHandler, ...options })
      assert.equal(
        tracing.tracer.trace('x', () => 1),
        1,
      )
      void tracing.close()
    }
    assert.deepEqual(begun, [])
  })

  it('a sampler that throws samples nothing, and is counted', () => {
    const faulty = createTestTracing({
      sampler: {
        isSampled() {
          throw new Error('a bug in the sampler')
        },
      },
    })
    assert.equal(
      faulty.tracing.tracer.trace('x', () => 1),
      1,
    )
    assert.deepEqual(faulty.tracing.faults, { sampler: 1 })
    assert.deepEqual(faulty.spans, [])
  })

  it('a sampler that answers no yes and no no samples nothing, and is counted', async () => {
    const faulty = createTestTracing({ sampler: { isSampled: () => 'perhaps' as unknown as boolean } })
    const span = internals(faulty.tracing).tracer.newTrace(undefined)
    assert.equal(span.context.sampled, false)
    assert.equal(span.recording, false)
    assert.deepEqual(faulty.tracing.faults, { sampler: 1 })
  })
})
