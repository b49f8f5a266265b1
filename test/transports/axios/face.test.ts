import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, afterEach, before, beforeEach, describe, it, mock } from 'node:test'
import esm, { type AxiosInstance, type AxiosStatic } from 'axios'
import { traceAxios } from 'tdist/axios'
import { createTestTracing, type TestTracing } from 'tdist/testing'
import { answeringServer, type AnsweringServer } from '../../support/answering-server.js'

/** Itself, for who imports it either way. */
type Axios = AxiosStatic & { readonly default: Axios }

const cjs = createRequire(import.meta.url)('axios') as AxiosStatic
/** What sends, or makes what sends: another function, of the same name and length. */
const OURS = /^(_?request|getUri|get|delete|head|options|query|(post|put|patch)(Form)?|create|Axios|default)$/

for (const [build, axios] of [
  ['ESM', esm],
  ['CommonJS', cjs],
] as const) {
  describe(`a traced axios beside its untraced one, ${build} build`, () => {
    let server: AnsweringServer
    let test: TestTracing
    before(async () => {
      server = await answeringServer()
    })
    beforeEach(() => {
      test = createTestTracing()
    })
    afterEach(() => {
      mock.restoreAll()
      assert.deepEqual(test.tracing.faults, {})
      test.assertClean()
    })
    after(() => server.close())

    for (const [kind, make] of [
      ['static', () => axios],
      ['instance', () => axios.create()],
      ['frozen instance', () => Object.freeze(axios.create())],
    ] as const) {
      it(`has every property that it has: ${kind}`, () => {
        const plain = make() as AxiosStatic
        const traced = traceAxios(test.tracing, plain)
        assert.deepEqual(Reflect.ownKeys(traced), Reflect.ownKeys(plain))
        assert.equal(Object.getPrototypeOf(traced), Object.getPrototypeOf(plain))
        assert.equal(traced.constructor, plain.constructor)
        for (const key of Reflect.ownKeys(plain)) {
          const name = String(key)
          const [before, now] = [plain, traced].map((one) => one[key as keyof AxiosStatic] as unknown)
          if (!OURS.test(name)) {
            assert.equal(now, before, name)
            continue
          }
          assert.equal(typeof now, typeof before, name)
          const [was, is] = [before, now] as { name: string; length: number }[]
          assert.deepEqual([is!.name, is!.length], [was!.name, was!.length], name)
        }
      })
    }

    const ways: Record<string, (traced: Axios) => (url: string) => Promise<{ status: number }>> = {
      called: (traced) => traced,
      get: (traced) => (url) => traced.get(url),
      'get, taken off': (traced) => Reflect.get(traced, 'get') as Axios,
      request: (traced) => (url) => traced.request({ url }),
      'default.get': (traced) => (url) => traced.default.get(url),
      'default.default': (traced) => (url) => traced.default.default(url),
      'create().get': (traced) => (url) => traced.create({ timeout: 5000 }).get(url),
      'create().create()': (traced) => (url) =>
        (traced.create() as AxiosStatic).create({ timeout: 5000 })(url),
      'new Axios().get': (traced) => (url) => new traced.Axios({ ...traced.defaults, headers: {} }).get(url),
      'a class derived from Axios': (traced) => (url) => {
        class Mine extends traced.Axios {
          readonly #path = '/mine'

          override async request(config: never): Promise<never> {
            return super.request({ ...(config as object), url: url + this.#path })
          }
        }
        return new Mine({ ...traced.defaults, headers: {} }).get(url)
      },
    }
    for (const [way, of] of Object.entries(ways)) {
      it(`sends, with one span: ${way}`, async () => {
        const traced = traceAxios(test.tracing, axios)
        assert.equal((await of(traced as Axios)(server.origin)).status, 200)
        await test.take(1)
      })
    }

    it('makes instances of the same class', () => {
      const { Axios } = traceAxios(test.tracing, axios)
      assert.ok(new Axios({}) instanceof axios.Axios)
      assert.equal(Axios.name, axios.Axios.name)
    })

    it('may be put in place of it, property by property', async () => {
      const plain = axios.create()
      Object.assign(plain, traceAxios(test.tracing, plain))
      assert.equal((await plain.get(server.origin)).status, 200)
      assert.equal((await plain.create().get(server.origin)).status, 200)
      await test.take(2)
    })

    it('sends by what the instance had when it was traced', async () => {
      const plain = axios.create()
      const traced = traceAxios(test.tracing, plain)
      const later = mock.fn()
      Object.defineProperty(plain, 'get', { ...Object.getOwnPropertyDescriptor(plain, 'get'), value: later })
      assert.equal((await traced.get(server.origin)).status, 200)
      assert.equal(later.mock.callCount(), 0)
      await test.take(1)
    })

    it('can be spied on', () => {
      const traced = traceAxios(test.tracing, axios.create())
      const spy = mock.method(traced, 'get', () => 'a spy’s')
      assert.equal(traced.get('/') as unknown, 'a spy’s')
      spy.mock.restore()
    })

    it('takes what is set for all its calls', async () => {
      const traced: AxiosInstance = traceAxios(test.tracing, axios.create())
      traced.defaults.baseURL = server.origin
      traced.defaults.headers.common['x-mine'] = 'yes'
      await traced.get('/set')
      const { path, headers } = server.requests.at(-1)!
      assert.deepEqual([path, headers['x-mine']], ['/set', 'yes'])
      await test.take(1)
    })
  })
}
