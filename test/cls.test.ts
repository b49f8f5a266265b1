import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { readFile } from 'node:fs'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterEach, describe, it } from 'node:test'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import * as cls from 'tdist/cls'

const { createNamespace, destroyNamespace, getNamespace, reset } = cls
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

afterEach(() => reset())

describe('tdist/cls', () => {
  it('keeps namespaces by name, where cls-hooked does', () => {
    assert.throws(() => createNamespace(''), { message: 'namespace must be given a name.' })
    const one = createNamespace('one')
    const { namespaces } = process as unknown as { namespaces: Record<string, unknown> }
    assert.equal(getNamespace('one'), one)
    assert.equal(namespaces['one'], one)
    assert.equal(getNamespace('toString'), undefined)
    assert.notEqual(createNamespace('one'), one)
    destroyNamespace('one')
    assert.ok(!getNamespace('one'))
    assert.throws(() => destroyNamespace('one'), { message: 'can\'t delete nonexistent namespace! "one"' })
    createNamespace('two')
    reset()
    assert.ok(!getNamespace('two'))
  })

  it('is one for all copies of it', async () => {
    cpSync(`${ROOT}dist/bundles/cls.cjs`, `${ROOT}build/cls-copy.cjs`)
    const copy = createRequire(import.meta.url)(`${ROOT}build/cls-copy.cjs`) as typeof cls
    assert.notEqual(copy.createNamespace, createNamespace)
    const ns = createNamespace('shared')
    ns.run(() => {
      ns.set('user', 'ann')
      assert.equal(copy.getNamespace('shared')!.get('user'), 'ann')
    })
  })

  it('nests: what is set within is not seen without', () => {
    const ns = createNamespace('nests')
    assert.equal(ns.active, null)
    assert.equal(ns.get('user'), undefined)
    assert.throws(() => ns.set('user', 'ann'), /^Error: No context available. ns.run\(\) or ns.bind\(\)/)
    const outer = ns.run((context) => {
      assert.equal(context, ns.active)
      assert.equal(ns.set('user', 'ann'), 'ann')
      const inner = ns.run(() => {
        assert.equal(ns.get('user'), 'ann')
        ns.set('user', 'bob')
        ns.set('only', true)
      })
      assert.equal(inner['user'], 'bob')
      assert.equal(Object.getPrototypeOf(inner), context)
      assert.equal(ns.get('user'), 'ann')
      assert.equal(ns.get('only'), undefined)
    })
    assert.equal(outer['user'], 'ann')
    assert.equal(ns.active, null)
  })

  const ways: Record<string, (done: () => void) => void> = {
    nextTick: (done) => process.nextTick(done),
    setImmediate: (done) => setImmediate(done),
    setTimeout: (done) => setTimeout(done, 1),
    'a microtask': (done) => queueMicrotask(done),
    'a promise': (done) => void Promise.resolve().then(done),
    'an async function': (done) => void (async () => (await Promise.resolve(), done()))(),
    'a thenable': (done) => void (async () => (await { then: (f: () => void) => f() }, done()))(),
    fs: (done) => readFile(import.meta.filename, () => done()),
  }
  for (const [name, way] of Object.entries(ways)) {
    it(`goes along with ${name}, each chain for itself`, async () => {
      const ns = createNamespace('chains')
      const seen = await Promise.all(
        [1, 2].map((value) =>
          ns.runAndReturn(() => {
            ns.set('value', value)
            return new Promise((resolve) => way(() => resolve(ns.get('value'))))
          }),
        ),
      )
      assert.deepEqual(seen, [1, 2])
    })
  }

  it('runAndReturn and runPromise return what the function does', async () => {
    const ns = createNamespace('returns')
    const value = {}
    assert.equal(
      ns.runAndReturn(() => value),
      value,
    )
    const answer = ns.runPromise(async (context) => {
      ns.set('user', 'ann')
      await Promise.resolve()
      assert.equal(context['user'], 'ann')
      return ns.get('user') as string
    })
    assert.equal(ns.active, null)
    assert.equal(await answer, 'ann')
    assert.throws(() => ns.runPromise(() => undefined as never), { message: 'fn must return a promise.' })
  })

  it('binds a function to a context: one given, the one that is active, or a new one', () => {
    const ns = createNamespace('binds')
    const user = function (this: unknown, ...args: unknown[]) {
      return [this, ...args, ns.get('user')]
    }
    const given = ns.createContext()
    given['user'] = 'ann'
    const active = ns.runAndReturn(() => {
      ns.set('user', 'bob')
      return ns.bind(user)
    })
    const self = {}
    ns.run(() => {
      ns.set('user', 'caller')
      assert.deepEqual(Reflect.apply(ns.bind(user, given), self, [1]), [self, 1, 'ann'])
      assert.deepEqual(Reflect.apply(active, self, [2, 3]), [self, 2, 3, 'bob'])
    })
    const fresh = ns.bind(() => ns.set('user', ns.get('user') ?? 'new'))
    assert.deepEqual([fresh(), fresh()], ['new', 'new'])
  })

  it('says of an error which context it was thrown in, and throws it as it is', async () => {
    const ns = createNamespace('errors')
    const error = new Error('boom')
    const boom = (): never => {
      ns.set('user', 'ann')
      throw error
    }
    for (const run of [() => ns.run(boom), () => ns.runAndReturn(boom), ns.bind(boom)]) {
      assert.throws(run, (thrown) => thrown === error)
      assert.equal(ns.fromException(error)!['user'], 'ann')
      assert.equal(ns.active, null)
    }
    await assert.rejects(
      ns.runPromise(() => Promise.reject(error)),
      (thrown) => thrown === error,
    )
    assert.equal(Object.hasOwn(ns.fromException(error)!, 'user'), false)
    for (const odd of [null, undefined, 'text', Object.freeze(new Error('frozen'))]) {
      assert.throws(
        () =>
          ns.run(() => {
            throw odd
          }),
        (thrown) => thrown === odd,
      )
      await assert.rejects(
        ns.runPromise(() => Promise.reject(odd)),
        (thrown) => thrown === odd,
      )
    }
  })

  it('enters and exits contexts in any order, for the rest of the chain', async () => {
    const ns = createNamespace('enters')
    const [one, two] = [ns.createContext(), ns.createContext()]
    assert.throws(() => ns.exit(one), { message: "context not currently entered; can't exit." })
    ns.enter(one)
    assert.equal(ns.active, one)
    ns.enter(two)
    await Promise.resolve()
    assert.equal(ns.active, two)
    ns.exit(one)
    assert.equal(ns.active, two)
    ns.exit(two)
    assert.equal(ns.active, null)
    assert.throws(() => ns.exit(two), { message: "context not currently entered; can't exit." })
    const inRun = ns.runAndReturn(() => {
      ns.enter(one)
      return ns.active
    })
    assert.deepEqual([inRun, ns.active], [one, null])
  })

  it('two namespaces know nothing of each other', () => {
    const [one, two] = [createNamespace('one'), createNamespace('two')]
    one.run(() => {
      one.set('user', 'ann')
      two.run(() => {
        assert.equal(two.get('user'), undefined)
        assert.equal(one.get('user'), 'ann')
      })
    })
  })

  it('imports nothing of tracing, and by require as by import', () => {
    const script = `
      const { createNamespace } = require('tdist/cls')
      createNamespace('ns').run(() => {})
      const { AsyncLocalStorage } = require('node:async_hooks')
      console.log([globalThis, AsyncLocalStorage].some((holder) => Symbol.for('tdist') in holder))`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { cwd: ROOT, encoding: 'utf8' })
    assert.deepEqual([stdout, stderr], ['false\n', ''])
  })

  it('docs/cls.md’s programs do what it says', () => {
    const docs = readFileSync(`${ROOT}docs/cls.md`, 'utf8')
    const programs = [...docs.matchAll(/```js\n\/\/ (\S+)\n([^]*?)```/g)]
    assert.equal(programs.length, 2)
    mkdirSync(`${ROOT}build/docs-cls`, { recursive: true })
    for (const [, name, text] of programs) {
      const file = `${ROOT}build/docs-cls/${name}`
      writeFileSync(file, text!)
      const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
      const said = [...text!.matchAll(/\/\/ prints (.*)/g)].map(([, line]) => `${line}\n`)
      assert.ok(said.length > 0)
      assert.deepEqual([stdout, stderr], [said.join(''), ''])
    }
  })
})

describe('an emitter bound to a namespace', () => {
  it('calls each listener in the context it was added in', () => {
    const ns = createNamespace('emitter')
    const emitter = new EventEmitter()
    const seen: unknown[] = []
    const note = (): void => void seen.push(ns.get('user'))
    emitter.on('event', note)
    ns.bindEmitter(emitter)
    ns.bindEmitter(emitter)
    for (const [user, add] of [
      ['on', 'on'],
      ['add', 'addListener'],
      ['once', 'once'],
      ['first', 'prependListener'],
      ['first once', 'prependOnceListener'],
    ] as const) {
      ns.run(() => {
        ns.set('user', user)
        emitter[add]('event', note)
      })
    }
    ns.run(() => {
      ns.set('user', 'emitter')
      emitter.emit('event')
    })
    assert.deepEqual(seen.splice(0), ['first once', 'first', 'emitter', 'on', 'add', 'once'])
    emitter.emit('event')
    assert.deepEqual(seen, ['first', undefined, 'on', 'add'])
  })

  it('calls one that was added outside of any in the emitter’s, or in a new one', () => {
    const ns = createNamespace('outside')
    const emitter = new EventEmitter()
    ns.bindEmitter(emitter)
    const seen: unknown[] = []
    emitter.on('event', () => {
      seen.push(ns.get('user'))
      ns.set('user', 'new')
    })
    emitter.emit('event')
    ns.run(() => {
      ns.set('user', 'ann')
      emitter.emit('event')
    })
    assert.deepEqual(seen, [undefined, 'ann'])
  })

  it('has the listeners that its user added, and lets them be removed', () => {
    const [one, two] = [createNamespace('one'), createNamespace('two')]
    const emitter = new EventEmitter()
    const [a, b] = [() => {}, () => {}]
    emitter.on('event', a)
    one.bindEmitter(emitter)
    two.bindEmitter(emitter)
    one.run(() => {
      emitter.on('event', a).once('event', b).prependOnceListener('event', a)
      assert.deepEqual(emitter.listeners('event'), [a, a, a, b])
      emitter.off('event', a).removeListener('event', b)
      assert.deepEqual(emitter.listeners('event'), [a, a])
      emitter.off('event', a).off('event', a).off('event', a)
      assert.equal(emitter.listenerCount('event'), 0)
      assert.throws(() => emitter.on('event', 'no listener' as never), { code: 'ERR_INVALID_ARG_TYPE' })
      assert.throws(() => emitter.once('event', null as never), { code: 'ERR_INVALID_ARG_TYPE' })
    })
    assert.throws(() => one.bindEmitter({} as never), { message: 'can only bind real EEs' })
  })

  it('is seen by all namespaces it is bound to, and by Node’s own waiting', async () => {
    const [one, two] = [createNamespace('one'), createNamespace('two')]
    const emitter = new EventEmitter()
    one.bindEmitter(emitter)
    two.bindEmitter(emitter)
    const seen: unknown[] = []
    one.run(() =>
      two.run(() => {
        one.set('user', 'ann')
        two.set('user', 'bob')
        emitter.once('event', (...args) => seen.push(one.get('user'), two.get('user'), ...args))
      }),
    )
    const waited = once(emitter, 'event')
    emitter.emit('event', 1)
    emitter.emit('event', 2)
    assert.deepEqual(await waited, [1])
    assert.deepEqual(seen, ['ann', 'bob', 1])
    assert.equal(emitter.listenerCount('event'), 0)
    assert.equal(emitter.listenerCount('error'), 0)
  })

  it('may be a stream', async () => {
    const ns = createNamespace('stream')
    const stream = Readable.from(['a', 'b'])
    ns.bindEmitter(stream)
    const seen: unknown[] = []
    ns.run(() => {
      ns.set('user', 'ann')
      stream.on('data', (chunk: string) => seen.push(chunk, ns.get('user')))
    })
    await once(stream, 'end')
    assert.deepEqual(seen, ['a', 'ann', 'b', 'ann'])
  })

  it('may be a request that is traced too: both find their own', () => {
    const script = `
      const http = require('node:http')
      const { createNamespace } = require('tdist/cls')
      const { currentTracing } = require('tdist')
      const ns = createNamespace('request')
      const server = http.createServer((req, res) => {
        ns.run(() => {
          ns.bindEmitter(req)
          ns.set('path', req.url)
          const unwanted = () => console.log('not removed')
          req.on('data', unwanted).once('end', unwanted)
          req.removeListener('data', unwanted).off('end', unwanted)
          const { traceId } = currentTracing().tracer.currentSpan.context
          req.on('data', () => {}).on('end', () => {
            console.log(ns.get('path'), currentTracing().tracer.currentSpan.context.traceId === traceId)
            res.end()
          })
        })
      })
      server.listen(0, '127.0.0.1', () => {
        http.request({ port: server.address().port, path: '/a', method: 'POST' }, (res) => {
          res.resume().on('end', () => server.close())
        }).end('body')
      })`
    const env = { ...process.env, TDIST_SENDER: 'none', TDIST_SERVICE_NAME: 'shop', NODE_OPTIONS: '' }
    const { stdout, stderr } = spawnSync(process.execPath, ['--require', 'tdist/register', '-e', script], {
      cwd: ROOT,
      env,
      encoding: 'utf8',
    })
    assert.deepEqual([stdout, stderr], ['/a true\n', ''])
  })
})
