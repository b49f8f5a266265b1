import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { runWithMessage, tracingDeserializer, tracingSerializer } from 'tdist/kafkajs'
import { createTestTracing } from 'tdist/testing'

const MAGIC = Buffer.from('c15444', 'hex')

/** As Confluent's are made: methods that use private fields, the topic first, and promises. */
class Registry {
  readonly #magic: Buffer
  readonly topics: string[] = []
  keys = 0

  constructor(magic: Buffer) {
    this.#magic = magic
  }

  async serialize(topic: string, value: object, headers?: Record<string, unknown>): Promise<Buffer> {
    this.topics.push(topic)
    if (headers) headers['__value_schema_id'] = this.#magic
    return Buffer.concat([this.#magic, Buffer.from(JSON.stringify(value))])
  }

  async deserialize(topic: string, bytes: Buffer): Promise<object> {
    this.topics.push(topic)
    assert.deepEqual(bytes.subarray(0, this.#magic.length), this.#magic)
    return JSON.parse(bytes.toString('utf8', this.#magic.length)) as object
  }

  key(value: string): Buffer {
    this.keys += this.#magic.length
    return Buffer.from(value)
  }
}

describe('serializers', () => {
  const test = createTestTracing()
  const { tracing } = test
  const { tracer, dataManager } = tracing
  afterEach(() => test.assertClean())

  const toBytes = tracingSerializer(tracing, (value: unknown): Buffer => Buffer.from(JSON.stringify(value)))
  const fromBytes = tracingDeserializer(
    tracing,
    (bytes: Buffer): unknown => JSON.parse(String(bytes)) as unknown,
  )

  it('carry the current span to what is done with the message', async () => {
    const bytes = tracer.trace('order', () => toBytes({ paid: true }))
    assert.deepEqual(bytes.subarray(0, 3), MAGIC)
    const message = fromBytes(bytes) as object
    assert.deepEqual(message, { paid: true })
    assert.equal(dataManager.current, undefined)
    const result = runWithMessage(message, 'store', (span) => {
      assert.equal(dataManager.current, span)
      return 7
    })
    assert.equal(result, 7)
    await runWithMessage(message, 'mail', async () => {})
    const [order, receive, store, mail] = await test.take(4)
    assert.equal(receive?.parentId, order?.id)
    assert.equal(receive?.kind, 'CONSUMER')
    assert.equal(store?.parentId, receive?.id)
    assert.equal(mail?.parentId, receive?.id, 'one arrival, whatever is done with it')
    assert.equal(mail?.traceId, order?.traceId)
  })

  it('outside any span change nothing, but for what begins like a frame', () => {
    const bytes = Buffer.from('plain')
    const same = tracingSerializer(tracing, (value: Buffer) => value)
    const back = tracingDeserializer(tracing, (value: Buffer) => value)
    assert.equal(same(bytes), bytes)
    assert.equal(back(bytes), bytes)
    const like = Buffer.from('c1544410000300', 'hex')
    assert.ok(same(like).length > like.length)
    assert.deepEqual(back(same(like)), like)
    assert.equal(
      runWithMessage({}, 'x', () => 1),
      1,
    )
  })

  for (const magic of [Buffer.from('0000000007', 'hex'), Buffer.from(`01${'ab'.repeat(16)}`, 'hex')]) {
    it(`are a schema registry’s, magic byte ${magic[0]}`, async () => {
      const registry = new Registry(magic)
      const serializer = tracingSerializer(tracing, registry)
      const deserializer = tracingDeserializer(tracing, registry)
      assert.ok(serializer instanceof Registry)
      const headers: Record<string, unknown> = {}
      const plain = await registry.serialize('orders', { id: 1 })
      const bytes = await tracer.trace('order', () => serializer.serialize('orders', { id: 1 }, headers))
      assert.equal(headers['__value_schema_id'], magic)
      assert.deepEqual(bytes.subarray(-plain.length), plain)
      assert.deepEqual(bytes.subarray(0, 3), MAGIC)
      // Who is not traced yet sends without, and is read as well.
      assert.deepEqual(await deserializer.deserialize('orders', plain), { id: 1 })
      const message = await deserializer.deserialize('orders', bytes)
      assert.deepEqual(message, { id: 1 })
      runWithMessage(message, 'store', () => {})
      const [order, receive, store] = await test.take(3)
      assert.equal(receive?.parentId, order?.id)
      assert.equal(receive?.tags?.['kafka.topic'], 'orders')
      assert.equal(store?.parentId, receive?.id)
      assert.deepEqual(registry.topics, ['orders', 'orders', 'orders', 'orders'])
    })
  }

  it('leave keys, and every other method, to the object itself', async () => {
    const registry = new Registry(Buffer.from([0]))
    const serializer = tracingSerializer(tracing, registry)
    await tracer.trace('order', async () => {
      assert.deepEqual(serializer.key('k'), Buffer.from('k'))
      assert.equal(registry.keys, 1)
      assert.deepEqual(await registry.serialize('t', {}), Buffer.from('\0{}'), 'the one given stays untraced')
    })
    await test.take(1)
  })

  it('leave null null, and the empty empty', async () => {
    const values = [null, undefined, '', Buffer.alloc(0), new Uint8Array(0), 7, { an: 'object' }]
    await tracer.trace('order', async () => {
      for (const value of values) {
        assert.equal(tracingSerializer(tracing, () => value)(), value)
        assert.equal(await tracingSerializer(tracing, async () => value)(), value)
        assert.equal(tracingDeserializer(tracing, (one: unknown) => one)(value), value)
      }
    })
    await test.take(1)
  })

  it('take text and bytes of any kind', async () => {
    const back = tracingDeserializer(tracing, (bytes: Uint8Array) => String(Buffer.from(bytes)))
    const memory = new Uint8Array([0, ...Buffer.from('größe'), 0])
    for (const value of ['größe', memory.subarray(1, -1), Buffer.from('größe')]) {
      const bytes = tracer.trace('order', () => tracingSerializer(tracing, () => value)()) as Uint8Array
      assert.equal(back(bytes), 'größe')
      assert.equal(back(new Uint8Array(bytes)), 'größe')
    }
    await test.take(3)
  })

  it('wrapped twice are wrapped once', async () => {
    assert.equal(tracingSerializer(tracing, toBytes), toBytes)
    assert.equal(tracingDeserializer(tracing, fromBytes), fromBytes)
    const registry = tracingSerializer(tracing, new Registry(Buffer.from([0])))
    assert.equal(tracingSerializer(tracing, registry), registry)
    const both = tracingDeserializer(tracing, tracingSerializer(tracing, new Registry(Buffer.from([0]))))
    const message = await tracer.trace('order', async () =>
      both.deserialize('t', await both.serialize('t', { id: 1 })),
    )
    runWithMessage(message, 'store', () => {})
    const [order, receive] = await test.take(3)
    assert.equal(receive?.parentId, order?.id, 'one object may be both')
  })

  it('fail as the inner ones do', async () => {
    const wrong = new TypeError('no schema')
    const throws = (): never => {
      throw wrong
    }
    const rejects = (): Promise<never> => Promise.reject(wrong)
    const envelope = tracer.trace('order', () => toBytes({}))
    const wraps = [tracingSerializer, tracingDeserializer] as (typeof tracingDeserializer)[]
    for (const wrap of wraps) {
      for (const bytes of [envelope, Buffer.from('x'), null]) {
        assert.throws(() => wrap(tracing, throws as (bytes: unknown) => never)(bytes), wrong)
        await assert.rejects(wrap(tracing, rejects as (bytes: unknown) => Promise<never>)(bytes), wrong)
      }
    }
    await test.take(1)
  })

  it('keep names, arguments and this', () => {
    const service = {
      prefix: '>',
      encode: tracingSerializer(tracing, function encode(this: unknown, a: string, b: string) {
        return Buffer.from(`${(this as { prefix: string }).prefix}${a}${b}`)
      }),
    }
    assert.equal(String(service.encode('a', 'b')), '>ab')
    assert.equal(service.encode.name, 'encode')
    assert.equal(service.encode.length, 2)
  })

  it('are the very ones when nothing is traced', () => {
    const { tracing: off } = createTestTracing({ enabled: false })
    const encode = (value: string): Buffer => Buffer.from(value)
    assert.equal(tracingSerializer(off, encode), encode)
    assert.equal(tracingDeserializer(off, encode), encode)
  })
})
