import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { createTestTracing } from 'tdist/testing'
import { bindEmitter } from '#src/context/bind-emitter.js'
import { patch } from '#src/host/patch.js'
import { bindCallback, connectOutside, ScopedCalls } from '#src/context/library-calls.js'

const test = createTestTracing()
const { dataManager, tracer } = test.tracing

type Callback = (this: unknown, error: unknown, answer?: string) => void

/** A call of {@link Client}: tells its callback, and whoever listens. */
class Command extends EventEmitter {
  callback: Callback | undefined
  readonly text: string

  constructor(text: string, callback?: Callback) {
    super()
    this.text = text
    this.callback = callback
  }

  answered(answer: string): void {
    this.emit('part', answer)
    this.callback?.call(this, null, answer)
    this.emit('end', answer)
  }
}

/** A client as many are: all commands go over one connection, which answers them in their order. */
class Client extends EventEmitter {
  static port: number
  #socket: Socket | undefined
  readonly #sent: Command[] = []

  open(callback: () => void): string {
    this.#socket = connect(Client.port, '127.0.0.1', callback)
    this.#socket.on('data', (data) => {
      for (const line of String(data).trim().split('\n')) {
        const command = line === 'news' ? undefined : this.#sent.shift()
        if (command) command.answered(line)
        else this.emit('news')
      }
    })
    return 'opening'
  }

  add(command: Command): Command {
    this.#sent.push(command)
    this.#socket!.write(`${command.text}\n`)
    return command
  }

  ask(text: string, callback?: Callback): Command {
    return this.add(new Command(text, callback))
  }

  close(callback: () => void): void {
    this.#socket!.end(callback)
  }
}

describe('what a library calls back', () => {
  const calls = new ScopedCalls()
  const undos: (() => void)[] = []
  const server = createServer((socket) => socket.pipe(socket))
  let client: Client

  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    Client.port = (server.address() as AddressInfo).port
    undos.push(
      connectOutside(Client.prototype, 'open'),
      bindCallback(Client.prototype, 'close'),
      bindEmitter(Client.prototype, 'every scope'),
      calls.told(Command.prototype, 'answered'),
    )
    undos.push(
      patch(Client.prototype, 'add', (add) => {
        return function (this: Client, command) {
          calls.made(command)
          return Reflect.apply(add, this, [command])
        }
      }),
    )
    client = new Client()
  })
  afterEach(() => test.assertClean())
  after(async () => {
    await new Promise<void>((resolve) => client.close(resolve))
    server.close()
    for (const undo of undos) undo()
  })

  /** The name of the span that is current. */
  const here = (): string | undefined => dataManager.current?.named
  const request = <T>(name: string, fn: () => T): T => tracer.trace(name, fn)

  it('is called in the scope of the call, over a connection that a call before has opened', async () => {
    const opened = request('first', () => {
      return new Promise((resolve) => {
        const answer = client.open(() => resolve(here()))
        assert.equal(answer, 'opening')
      })
    })
    assert.equal(await opened, 'first')

    const seen: unknown[] = []
    const ask = (name: string): Promise<unknown> =>
      request(name, () => {
        const done = new Promise((resolve) => {
          const callback: Callback = function (error, answer) {
            seen.push([name, here(), (this as Command).text, error, answer])
          }
          const command = client.ask(name, callback)
          assert.equal(command.callback, callback)
          command.on('part', () => seen.push([name, here()])).on('end', () => resolve(here()))
        })
        return done
      })
    assert.deepEqual(await Promise.all([ask('second'), ask('third')]), ['second', 'third'])
    const told = (name: string) => [
      [name, name],
      [name, name, name, null, name],
    ]
    assert.deepEqual(seen, [...told('second'), ...told('third')])
    await test.take(3)
  })

  it('is called in no scope where the call was made in none, and where it comes by itself', async () => {
    const answered = new Promise((resolve) => client.ask('outside', () => resolve(here())))
    assert.equal(await answered, undefined)
    const seen: unknown[] = []
    let adding: unknown
    const heard = new Promise<void>((resolve) => {
      client.once('news', () => seen.push(dataManager.current))
      request('adding', () => {
        adding = dataManager.current
        client.once('news', () => (seen.push(dataManager.current), resolve()))
      })
    })
    request('asking', () => client.ask('news'))
    await heard
    assert.ok(adding)
    assert.deepEqual(seen, [undefined, adding])
    await test.take(2)
  })

  it('is another function only to the library, and all that the caller has given it', () => {
    const owner = { call: (callback: object) => callback }
    const undo = bindCallback(owner, 'call')
    const key = Symbol('own')
    const callback = Object.assign((_error: unknown, _value: unknown) => {}, { [key]: 1, own: 2 })
    const given = owner.call(callback) as typeof callback
    assert.deepEqual(Reflect.ownKeys(given), Reflect.ownKeys(callback))
    assert.deepEqual([given.length, given.name, given[key], given.own], [2, callback.name, 1, 2])
    assert.equal(Function.prototype.toString.call(given).startsWith('function'), true)
    assert.equal(owner.call(owner), owner, 'no function')
    undo()
    assert.equal(owner.call(callback), callback)
  })

  it('throws to whoever called it', () => {
    const error = new Error('thrown')
    const owner = { call: (callback: () => void) => callback() }
    const undo = bindCallback(owner, 'call')
    const failing = (): void => {
      throw error
    }
    assert.throws(
      () => owner.call(failing),
      (thrown) => thrown === error,
    )
    undo()
  })

  it('a call made by a constructor knows its scope by what that assigns', async () => {
    const own = new ScopedCalls()
    class Call {
      property: unknown
      declare assigned: unknown
      constructor() {
        this.assigned = 1
      }
      told(): string | undefined {
        return here()
      }
    }
    const undo = own.madeAtAssignmentOf(Call.prototype, 'assigned')
    const untell = own.told(Call.prototype, 'told')
    await request('made', async () => {
      const call = new Call()
      assert.deepEqual(Object.entries(call), [
        ['property', undefined],
        ['assigned', 1],
      ])
      call.assigned = 2
      assert.equal(call.assigned, 2)
      assert.equal(
        dataManager.run(undefined, () => call.told()),
        'made',
      )
    })
    undo()
    untell()
    assert.equal('assigned' in Call.prototype, false)
    await test.take(1)
  })
})
