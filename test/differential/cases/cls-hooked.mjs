// cls-hooked: a program on it says the same under tracing, and with tdist/cls in its place
import { EventEmitter } from 'node:events'
import hooked from 'cls-hooked'

export const nodes = 'every'
export const spans = ``

export async function run({ tdist }) {
  const { createNamespace, getNamespace, destroyNamespace } = tdist ?? hooked
  const ns = createNamespace('session')
  const note = (where) => console.log(where, ns.get('user'), getNamespace('session') === ns)
  const failure = (error) => console.log(error.message, ns.fromException(error)?.user)
  const say = (fn) => new Promise((resolve) => resolve(fn())).then(console.log, failure)
  await say(() => ns.set('user', 'nobody'))
  const emitter = new EventEmitter()
  ns.bindEmitter(emitter)
  const context = ns.run((outer) => {
    ns.set('user', 'ann')
    emitter.once('event', () => note('once'))
    setImmediate(note, 'immediate')
    ns.run(() => ns.set('user', 'bob'))
    console.log(
      outer.user,
      ns.runAndReturn(() => ns.set('user', 'carl')),
      ns.get('user'),
    )
    process.nextTick(ns.bind(note), 'bound')
  })
  console.log(Object.keys(context), ns.active)
  const later = async () => {
    ns.set('user', 'dora')
    await new Promise(setImmediate)
    throw new Error(ns.get('user'))
  }
  await say(() => ns.runPromise(later))
  await say(() => [emitter.emit('event'), emitter.emit('event')])
  await say(() => ns.run(() => ns.set('user', 'eve') && nothing))
  destroyNamespace('session')
  await say(() => !getNamespace('session') && destroyNamespace('other'))
}
