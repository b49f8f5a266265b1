import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { listStandIn, standIn } from '#src/transports/hooks/stand-in.js'
import { LIST_FORMS, OBJECT_FORMS } from '../../support/object-forms.js'

const NAMES = ['key', 'value', 'headers', 'other']
const properties = Object.fromEntries(NAMES.map((name) => [name, `${name}’s`]))
const changed = { ...properties, headers: 'ours' }

/** What a library can ask of an object. */
function faceOf(object: object) {
  const read = object as Record<string, unknown>
  return {
    keys: Reflect.ownKeys(object),
    shapes: Reflect.ownKeys(object).map((key) => {
      const { enumerable } = Reflect.getOwnPropertyDescriptor(object, key)!
      return { key, enumerable }
    }),
    prototype: Object.getPrototypeOf(object) as unknown,
    extensible: Object.isExtensible(object),
    frozen: Object.isFrozen(object),
    sealed: Object.isSealed(object),
    has: NAMES.map((name) => name in object),
    byName: NAMES.map((name) => read[name]),
    spread: { ...object },
    merged: Object.assign({}, object),
    text: JSON.stringify(object),
    words: String(Object.prototype.toString.call(object)),
  }
}

for (const [form, make] of Object.entries(OBJECT_FORMS)) {
  describe(`what stands in for an object: ${form}`, () => {
    it('is met as the object would be, were the property another one', () => {
      const object = make(properties)
      const before = faceOf(object)
      const met = faceOf(standIn(object, { headers: 'ours' }))
      const expected = faceOf(make(changed))
      // Two classes of one name, and two symbols, are not the same.
      assert.equal(met.prototype, before.prototype)
      assert.deepEqual(met.keys.map(String), expected.keys.map(String))
      assert.deepEqual(met.keys, before.keys)
      for (const aspect of [
        'shapes',
        'extensible',
        'frozen',
        'sealed',
        'has',
        'byName',
        'text',
        'words',
      ] as const) {
        const wanted = aspect === 'shapes' ? before[aspect] : expected[aspect]
        assert.deepEqual(met[aspect], wanted, aspect)
      }
      assert.deepEqual(Object.entries(met.spread), Object.entries(expected.spread))
      assert.deepEqual(Object.entries(met.merged), Object.entries(expected.merged))
      assert.deepEqual(faceOf(object), before, 'the object is untouched')
    })

    it('has a property that the object has not', () => {
      const object = make({ value: 'v' })
      const met = standIn(object, { headers: 'ours' }) as Record<string, unknown>
      assert.equal(met['headers'], 'ours')
      assert.equal({ ...met }['headers'], 'ours')
      assert.ok(!('headers' in object))
      assert.equal(Object.isFrozen(met), Object.isFrozen(object))
    })
  })
}

describe('what stands in for an object', () => {
  class Message {
    headers: unknown = 'h'
    #sent = 0
    #value = 'v'

    get value(): string {
      return this.#value
    }

    set value(value: string) {
      this.#value = value
    }

    send(): number {
      return ++this.#sent
    }
  }

  it('calls methods, getters and setters on the object, which has the private fields', () => {
    const message = new Message()
    const met = standIn(message, { headers: 'ours' })
    assert.ok(met instanceof Message)
    assert.deepEqual([met.send(), message.send(), met.send()], [1, 2, 3])
    assert.equal(met.constructor, Message)
    assert.equal(Reflect.get(met, 'send'), Reflect.get(met, 'send'))
    met.value = 'w'
    assert.equal(message.value, 'w')
    assert.ok(Object.prototype.hasOwnProperty.call(met, 'headers') && !Object.hasOwn(met, 'value'))
  })

  it('keeps what a library writes from the object', () => {
    const message = new Message() as Message & { partition?: number }
    const met = standIn(message, { headers: 'ours' })
    met.partition = -1
    met.headers = 'the library’s'
    Object.defineProperty(met, 'more', { value: 1 })
    assert.deepEqual([met.partition, met.headers, 'more' in met], [-1, 'the library’s', true])
    assert.deepEqual(Object.keys(message), ['headers'])
    assert.equal(message.headers, 'h')
    delete (met as { headers?: unknown }).headers
    assert.deepEqual([met.headers, message.headers], [undefined, 'h'])
    const frozen = standIn(Object.freeze(new Message()) as Message, { headers: 'ours' })
    assert.throws(() => (frozen.headers = ''), TypeError)
    assert.throws(() => ((frozen as { more?: number }).more = 1), TypeError)
  })

  it('has no other prototype than the object, whatever the names of its properties', () => {
    const message = JSON.parse('{"value":"v","__proto__":{"key":"not the sender’s"}}') as { key?: string }
    const met = standIn(message, { headers: 'ours' })
    assert.equal(met.key, undefined)
    assert.deepEqual(Reflect.ownKeys(met), ['value', '__proto__', 'headers'])
  })

  it('calls no getter when it is made, and each as often as it is read', () => {
    const calls: string[] = []
    const object = Object.freeze({
      get a() {
        return calls.push('a')
      },
      get b() {
        return calls.push('b')
      },
    })
    const met = standIn(object, { b: 0 })
    assert.deepEqual(calls, [])
    assert.deepEqual({ ...met }, { a: 1, b: 0 })
    assert.deepEqual([met.a, calls], [2, ['a', 'a']])
  })
})

for (const [form, make] of Object.entries(LIST_FORMS)) {
  it(`what stands in for a list is met as the list would be: ${form}`, () => {
    const list = make([1, 2, 3])
    const elements = [...list].map((element) => element && element * 10)
    const met = listStandIn(list, elements)
    assert.equal(Object.getPrototypeOf(met), Object.getPrototypeOf(list))
    assert.equal(Array.isArray(met), true)
    assert.equal(met.length, list.length)
    assert.equal(Object.isFrozen(met), Object.isFrozen(list))
    assert.deepEqual([...met], elements)
    assert.equal(
      met.find((element) => element > 10),
      20,
    )
    assert.equal(
      met.reduce((sum, element) => sum + (element ?? 0), 0),
      60,
    )
    assert.equal(list[0], 1)
  })
}
