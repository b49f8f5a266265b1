import { AsyncLocalStorage } from 'node:async_hooks'
import { queryObjects } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { bundle, newRealm, type TestFile } from './realm.ts'

/*
 * A process of a test runner, for what copies of the package leave behind in a process. Prints what its scenario came to
 * as one line of JSON.
 */
const script = await bundle()

const SCENARIOS: Record<string, () => Promise<unknown>> = {
  /** Equal files one after the other, none of which cleans up. */
  async files() {
    const answers = []
    for (const name of ['first', 'second', 'third']) {
      const { file } = newRealm(script, name)
      answers.push([await file['explicit']!(), await file['installed']!({ undo: false }), await rest(file)])
    }
    return answers
  },

  /**
   * As many files as a worker may have: how many realms are still there in the end. Without fetch, whose one timer for
   * the whole process keeps the scope it was armed in, and so the realm of that scope's span.
   */
  async ended() {
    const realms: WeakRef<object>[] = []
    const one = async (name: string): Promise<void> => {
      const { file, global } = newRealm(script, name)
      await file['explicit']!({ byFetch: false })
      await file['installed']!({ undo: false })
      realms.push(new WeakRef(global))
    }
    for (let i = 0; i < 30; i++) await one(`file ${i}`)
    // A pooled connection keeps the scope it was opened in, as long as it lives.
    process.getBuiltinModule('node:http').globalAgent.destroy()
    const left = (): number => realms.filter((realm) => realm.deref()).length
    for (let i = 0; i < 20 && left() > 0; i++) await collect()
    return left()
  },

  /** A wrapper that a file has put over ours and left there; taken away when the next file is at work. */
  async wrappers() {
    const first = newRealm(script, 'first').file
    const answers = [await first['installed']!({ undo: false })]
    await first['wrapRequest']!()
    const second = newRealm(script, 'second').file
    answers.push(await second['installed']!({ undo: false }))
    answers.push(await first['unwrapRequest']!())
    answers.push(await second['explicit']!())
    answers.push(await second['faults']!())
    return answers
  },

  /** Two files that live, each taking back its own. */
  async undone() {
    const http: { request: unknown } = process.getBuiltinModule('node:http')
    const { request } = http
    const [first, second] = [newRealm(script, 'first').file, newRealm(script, 'second').file]
    const answers = [await first['installed']!({ undo: false }), await second['installed']!()]
    answers.push(await first['installed']!())
    return [...answers, http.request === request]
  },

  /** A file in a process whose own realm has a copy: the drop-in's, where it is preloaded. */
  async beside() {
    const { nodeHttpClient, createTracing } = await import('tdist')
    const undo = nodeHttpClient.install(createTracing({ serviceName: 'own', sender: NOWHERE }))
    const answers = await SCENARIOS['files']!()
    undo()
    return answers
  },

  /** Files that trace their calls by hand under the drop-in, whose server spans are its own. */
  async droppedIn() {
    const answers = []
    for (const name of ['first', 'second']) {
      const { file } = newRealm(script, name)
      answers.push([await file['called']!(), await file['plain']!(), await rest(file)])
    }
    return answers
  },

  /** Beside a copy of another version, which shares otherwise. */
  async versions() {
    const other = Object.freeze({ storage: 'its own' })
    const holder = AsyncLocalStorage as unknown as Record<symbol, Record<number, object>>
    holder[Symbol.for('tdist')] = { 99: other }
    const answers = await SCENARIOS['files']!()
    return holder[Symbol.for('tdist')]![99] === other && answers
  },

  /** Promises and an error of another realm than the tracing's. */
  async foreign() {
    const test = (await import('tdist/testing')).createTestTracing()
    const make = (source: string): Promise<unknown> => runInNewContext(source) as Promise<unknown>
    const plain = make('Promise.reject(new RangeError("not here"))')
    const own = make('(class Own extends Promise {}).reject(new RangeError("not here"))')
    // A plain one is passed on as one derived from it, or its rejection would count as handled.
    const results = [plain, own].map((promise) => test.tracing.tracer.trace('foreign', () => promise))
    await Promise.allSettled(results)
    const errors = (await test.take(2)).map(({ tags }) => tags?.['error'])
    return [results[0] !== plain, results[1] === own, ...errors]
  },

  /** Two copies in one realm, one of which is installed. */
  async copies() {
    const realm = newRealm(script, 'first')
    const { file } = realm
    const copy = realm.again()
    const answers = [await file['installed']!({ undo: false }), await copy['explicit']!()]
    return [...answers, await copy['plain']!(), await rest(copy)]
  },
}

const NOWHERE = {
  encoding: 'json',
  maxRecordBytes: 1024,
  maxRecords: 1,
  maxCallBytes: 1024,
  async send() {},
} as const

async function rest(file: TestFile): Promise<string> {
  const answers = [await file['decorated']!(), await file['settled']!(), await file['refused']!()]
  answers.push(await file['isOutside']!())
  return [...answers, await file['faults']!()].join('\n')
}

async function collect(): Promise<void> {
  // What a weak reference was asked for stays until the end of the job.
  await new Promise((resolve) => setImmediate(resolve))
  // It collects all that nothing holds; plain gc() leaves what V8's caches may still want.
  queryObjects(Nothing)
}
class Nothing {}

console.log(JSON.stringify(await SCENARIOS[process.argv[2]!]!()))
