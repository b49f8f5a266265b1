import assert from 'node:assert/strict'
import { EventEmitter, getEventListeners, on, once } from 'node:events'
import { PassThrough, Readable, finished, pipeline } from 'node:stream'
import { afterEach, describe, it } from 'node:test'
import { createTestTracing } from 'tdist/testing'
import { bindEmitter } from '#src/context/bind-emitter.js'
import { internals } from '../support/internals.ts'

const test = createTestTracing({ sampler: { isSampled: () => false } })
const { dataManager, tracer } = internals(test.tracing)
const span = tracer.newTrace(undefined)
const other = tracer.newTrace(undefined)
const inSpan = <T>(fn: () => T): T => dataManager.run(span, fn)

/** A bound emitter with one listener added inside `span` that notes what is current when it is called. */
function listening(how: 'on' | 'addListener' | 'once' | 'prependListener' | 'prependOnceListener') {
  const emitter = dataManager.bindEmitter(new EventEmitter())
  const seen: unknown[] = []
  const listener = () => void seen.push(dataManager.current)
  inSpan(() => emitter[how]('event', listener))
  return { emitter, seen, listener }
}

describe('bindEmitter', () => {
  afterEach(() => test.assertClean())

  for (const how of ['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'] as const) {
    const isOnce = /once/i.test(how)

    describe(`.${how}`, () => {
      it('runs the listener in the scope it was added in, and restores the emitter’s', () => {
        const { emitter, seen } = listening(how)
        dataManager.run(other, () => {
          emitter.emit('event')
          assert.equal(dataManager.current, other)
        })
        emitter.emit('event')
        assert.deepEqual(seen, isOnce ? [span] : [span, span])
      })

      it('passes this, arguments and what it throws through', () => {
        const emitter = bound()
        const error = new Error('thrown')
        const calls: unknown[] = []
        inSpan(() =>
          emitter[how]('event', function (this: unknown, ...args: unknown[]) {
            calls.push(this, ...args)
            throw error
          }),
        )
        assert.throws(
          () => emitter.emit('event', 1, 2, 3),
          (thrown) => thrown === error,
        )
        assert.deepEqual(calls, [emitter, 1, 2, 3])
        assert.equal(emitter.listenerCount('event'), isOnce ? 0 : 1)
        assert.equal(dataManager.current, undefined)
      })

      for (const remove of ['removeListener', 'off'] as const) {
        it(`${remove} finds it`, () => {
          const { emitter, seen, listener } = listening(how)
          assert.equal(emitter[remove]('event', listener), emitter)
          assert.equal(emitter.emit('event'), false)
          assert.deepEqual(seen, [])
        })
      }

      it('removeAllListeners removes it', () => {
        const { emitter } = listening(how)
        emitter.removeAllListeners('event')
        assert.equal(emitter.listenerCount('event'), 0)
      })

      it('listeners, listenerCount and getEventListeners show what was added', () => {
        const { emitter, listener } = listening(how)
        assert.deepEqual(emitter.listeners('event'), [listener])
        assert.deepEqual(getEventListeners(emitter, 'event'), [listener])
        assert.equal(emitter.listenerCount('event'), 1)
        assert.deepEqual(emitter.eventNames(), ['event'])
      })

      it('rawListeners shows what an emitter that is not bound shows', () => {
        const { emitter, seen, listener } = listening(how)
        const [raw] = emitter.rawListeners('event') as [(() => void) & { listener?: unknown }]
        if (!isOnce) return assert.equal(raw, listener)
        assert.equal(raw.listener, listener)
        raw()
        assert.equal(emitter.listenerCount('event'), 0)
        assert.deepEqual(seen, [span])
      })

      it('newListener and removeListener are told of the listener itself', () => {
        const emitter = bound()
        const told: unknown[] = []
        emitter.on('newListener', (event, listener) => told.push('new', event, listener))
        emitter.on('removeListener', (event, listener) => told.push('remove', event, listener))
        const listener = () => {}
        inSpan(() => emitter[how]('event', listener))
        emitter.removeListener('event', listener)
        assert.deepEqual(told, [
          'new',
          'removeListener',
          told[2],
          'new',
          'event',
          listener,
          'remove',
          'event',
          listener,
        ])
      })

      it('returns the emitter', () => {
        const emitter = bound()
        assert.equal(
          inSpan(() => emitter[how]('event', () => {})),
          emitter,
        )
      })

      it('refuses what is no function as Node does', () => {
        const emitter = bound()
        const refusal = { code: 'ERR_INVALID_ARG_TYPE' }
        assert.throws(() => inSpan(() => emitter[how]('event', 'no function' as never)), refusal)
      })

      it('added outside any scope runs in the emitter’s', () => {
        const emitter = bound()
        let current: unknown
        emitter[how]('event', () => (current = dataManager.current))
        inSpan(() => emitter.emit('event'))
        assert.equal(current, span)
      })
    })
  }

  it('a listener added twice is called twice, and removed one at a time', () => {
    const { emitter, seen, listener } = listening('on')
    inSpan(() => emitter.on('event', listener))
    emitter.emit('event')
    assert.equal(seen.length, 2)
    emitter.off('event', listener)
    emitter.emit('event')
    assert.equal(seen.length, 3)
  })

  it('once fires once even when an earlier listener of the same emission emits anew', () => {
    const emitter = bound()
    let again = true
    let count = 0
    inSpan(() => {
      emitter.on('event', () => {
        if (again) emitter.emit('event', (again = false))
      })
      emitter.once('event', () => count++)
    })
    emitter.emit('event')
    assert.equal(count, 1)
  })

  it('prepended listeners come first', () => {
    const emitter = bound()
    const order: number[] = []
    inSpan(() => {
      emitter.on('event', () => order.push(3))
      emitter.prependListener('event', () => order.push(2))
      emitter.prependOnceListener('event', () => order.push(1))
    })
    emitter.emit('event')
    assert.deepEqual(order, [1, 2, 3])
  })

  it('each listener has the scope of its own registration', () => {
    const emitter = bound()
    const seen: unknown[] = []
    inSpan(() => emitter.on('event', () => seen.push(dataManager.current)))
    dataManager.run(other, () => emitter.on('event', () => seen.push(dataManager.current)))
    emitter.emit('event')
    assert.deepEqual(seen, [span, other])
  })

  it('events.once and events.on work, and leave no listener', async () => {
    const emitter = bound()
    const arrival = inSpan(() => once(emitter, 'event'))
    emitter.emit('event', 42)
    assert.deepEqual(await arrival, [42])
    const failure = inSpan(() => once(emitter, 'event'))
    emitter.emit('error', new Error('failed'))
    await assert.rejects(failure, /failed/)
    const values = inSpan(() => on(emitter, 'event'))
    emitter.emit('event', 1)
    assert.deepEqual((await values.next()).value, [1])
    await values.return?.()
    assert.deepEqual(emitter.eventNames(), [])
  })

  it('streams keep their ways: data flows, pipe, pipeline, finished, for await', async () => {
    const stream = () => {
      const readable = Readable.from(['a', 'b'])
      bindEmitter(readable)
      return readable
    }
    await inSpan(async () => {
      const source = stream()
      let text = ''
      source.on('data', (chunk: string) => (text += chunk))
      await once(source, 'end')
      assert.equal(text, 'ab')

      const through = dataManager.bindEmitter(new PassThrough())
      await new Promise<void>((resolve, reject) =>
        pipeline(stream(), through, (error) => (error ? reject(error) : resolve())).resume(),
      )

      const piped = dataManager.bindEmitter(new PassThrough())
      stream().pipe(piped)
      let all = ''
      for await (const chunk of piped) all += String(chunk)
      assert.equal(all, 'ab')

      const ending = stream()
      const end = new Promise<unknown>((resolve) => finished(ending, resolve))
      ending.resume()
      assert.equal(await end, undefined)

      const paused = stream()
      const readable = () => {}
      paused.on('readable', readable)
      assert.equal(paused.readableFlowing, false)
      paused.off('readable', readable)
      await once(paused.resume(), 'end')
      assert.equal(paused.listenerCount('readable'), 0)
    })
  })

  it('binding twice is binding once, and the undo leaves what was there', () => {
    const emitter = new EventEmitter()
    const undo = bindEmitter(emitter)
    const { on: first } = emitter as { on: unknown }
    bindEmitter(emitter)()
    assert.equal((emitter as { on: unknown }).on, first)
    undo()
    assert.deepEqual(
      Reflect.ownKeys(emitter).filter((key) => key === 'on' || key === 'once' || key === 'rawListeners'),
      [],
    )
  })

  it('a listener that was bound can be removed after the undo', () => {
    const emitter = new EventEmitter()
    const undo = bindEmitter(emitter)
    const listener = () => {}
    inSpan(() => emitter.on('event', listener))
    undo()
    emitter.removeListener('event', listener)
    assert.equal(emitter.listenerCount('event'), 0)
  })

  it('binds every instance of a bound prototype', () => {
    class Emitter extends EventEmitter {}
    const undo = bindEmitter(Emitter.prototype)
    const emitter = new Emitter()
    let current: unknown
    inSpan(() => emitter.once('event', () => (current = dataManager.current)))
    emitter.emit('event')
    assert.equal(current, span)
    undo()
  })
})

function bound(): EventEmitter {
  return dataManager.bindEmitter(new EventEmitter())
}
