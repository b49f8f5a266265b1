import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { overrideMethods } from '#src/transports/hooks/override-methods.js'
import { isTraced } from '#src/transports/hooks/traced-mark.js'

/** As Confluent's clients are: methods of the prototype that use private fields. */
class Client {
  #sent = 0
  label = 'client'

  send(): string {
    return `sent ${++this.#sent}`
  }

  count(): number {
    return this.#sent
  }

  get sent(): number {
    return this.#sent
  }

  set sent(count: number) {
    this.#sent = count
  }
}

/** As kafkajs's are: closures. */
function closures(): { label: string; send: () => string; count: () => number } {
  const client = new Client()
  return { label: 'client', send: () => client.send(), count: () => client.count() }
}

interface Sends {
  send: (this: unknown) => string
}

describe('an object with methods of ours', () => {
  for (const [name, make] of [
    ['class', () => new Client()],
    ['closures', closures],
    ['frozen class', () => Object.freeze(new Client())],
    ['frozen closures', () => Object.freeze(closures())],
  ] as const) {
    const tracedOf = <T extends Sends>(object: T): T => {
      const { send } = object
      return overrideMethods(object, { send: () => `traced, ${send.call(object)}` })
    }

    it(`is in all else the object itself: ${name}`, () => {
      const object = make()
      const traced = tracedOf(object)
      assert.ok(isTraced(traced) && !isTraced(object))
      assert.equal(Object.getPrototypeOf(traced), Object.getPrototypeOf(object))
      assert.equal(traced.send(), 'traced, sent 1')
      assert.equal(object.send(), 'sent 2')
      assert.equal(traced.count(), 2)
      assert.equal(traced.count, traced.count)
      assert.equal(traced.label, 'client')
      assert.deepEqual(Object.keys(traced), Object.keys(object))
      assert.equal({ ...traced }.label, 'client')
    })

    if (name.startsWith('frozen')) continue

    it(`can be spied on and put back: ${name}`, () => {
      const traced = tracedOf(make())
      const send = mock.method(traced, 'send', () => 'a spy’s')
      const count = mock.method(traced, 'count', () => 7)
      assert.equal(traced.send(), 'a spy’s')
      assert.equal(traced.count(), 7)
      assert.deepEqual([send.mock.callCount(), count.mock.callCount()], [1, 1])
      assert.equal(traced.send, send, 'what a test asks is the spy itself')
      send.mock.restore()
      count.mock.restore()
      assert.equal(traced.send(), 'traced, sent 1')
      assert.equal(traced.count(), 1)
    })

    it(`can be wrapped by its owner, and put back as it was met: ${name}`, () => {
      const traced = tracedOf<Sends>(make())
      const met = traced.send
      traced.send = function (this: unknown) {
        assert.equal(this, traced)
        return `wrapped, ${met.call(this)}`
      }
      assert.equal(traced.send(), 'wrapped, traced, sent 1')
      traced.send = met
      assert.equal(traced.send(), 'traced, sent 2')
    })
  }

  it('has setters and getters that use private fields', () => {
    const traced = overrideMethods(new Client(), { send: () => '' })
    traced.sent = 3
    assert.equal(traced.sent, 3)
    assert.equal(traced.count(), 3)
    traced.label = 'other'
    assert.equal(traced.label, 'other')
  })

  it('has methods with all that hangs on them, and classes that are its own', () => {
    class Oops extends Error {}
    const connect = mock.fn(() => 'connected')
    const client = { connect, Oops, self: undefined as unknown, on: () => client as unknown, send: () => '' }
    client.self = client
    const traced = overrideMethods(client, { send: () => 'traced' })
    assert.equal(traced.connect(), 'connected')
    assert.equal(traced.connect.mock.callCount(), 1)
    assert.equal(traced.connect.name, connect.name)
    assert.equal(traced.Oops, Oops)
    assert.deepEqual(
      [traced.self, traced.on()],
      [traced, traced],
      'who goes on with it goes on with the traced one',
    )
  })

  it('can lose what its owner deletes', () => {
    const traced = overrideMethods(new Client() as Partial<Client>, {})
    delete traced.label
    assert.ok(!('label' in traced))
  })
})
