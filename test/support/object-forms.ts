import { runInNewContext } from 'node:vm'

type Properties = Readonly<Record<PropertyKey, unknown>>

/** Something that its class keeps to itself: getters read it, and no proxy can. */
class Hidden {
  readonly #properties: Properties

  constructor(properties: Properties) {
    this.#properties = properties
  }

  read(key: string): unknown {
    return this.#properties[key]
  }
}

const elsewhere = runInNewContext(`({
  object: (properties) => Object.assign({}, properties),
  instance: (properties) => { class Event {}; return Object.assign(new Event(), properties) },
  list: (elements) => [...elements],
})`) as {
  object: (properties: Properties) => object
  instance: (properties: Properties) => object
  list: <T>(elements: readonly T[]) => T[]
}

/** An object with these properties, in every form in which a library may be given one. */
export const OBJECT_FORMS: Readonly<Record<string, (properties: Properties) => object>> = {
  plain: (properties) => ({ ...properties }),
  'null prototype': (properties) => Object.assign(Object.create(null) as object, properties),
  'class with fields': (properties) => Object.assign(new (class Event {})(), properties),
  'class with getters over private fields': (properties) => withGetters(properties, () => true),
  'class with fields and getters': (properties) => {
    const mixed = withGetters(properties, (_, index) => index % 2 === 1)
    for (const [key, value] of Object.entries(properties).filter((_, index) => index % 2 === 0))
      Object.assign(mixed, { [key]: value })
    return mixed
  },
  'own getters': (properties) =>
    define({}, properties, (value) => ({ configurable: true, enumerable: true, get: () => value })),
  inherited: (properties) => Object.create(properties) as object,
  'the first own, the others inherited': (properties) => {
    const [first] = Object.keys(properties)
    return Object.assign(Object.create(properties) as object, first && { [first]: properties[first] })
  },
  frozen: (properties) => Object.freeze({ ...properties }),
  sealed: (properties) => Object.seal({ ...properties }),
  'not extensible': (properties) => Object.preventExtensions({ ...properties }),
  'frozen class': (properties) => Object.freeze(Object.assign(new (class Event {})(), properties)),
  proxy: (properties) => new Proxy({ ...properties }, {}),
  'proxy of a frozen object': (properties) => new Proxy(Object.freeze({ ...properties }), {}),
  'proxy that only answers': (properties) =>
    new Proxy({}, { get: (_, key) => properties[key], has: (_, key) => key in properties }),
  'another realm’s': (properties) => elsewhere.object(properties),
  'another realm’s class': (properties) => elsewhere.instance(properties),
  'symbol keys': (properties) => ({ [Symbol('before')]: 1, ...properties, [Symbol('after')]: 2 }),
}

/** A list of these elements, in every form. */
export const LIST_FORMS: Readonly<Record<string, <T>(elements: readonly T[]) => T[]>> = {
  plain: (elements) => [...elements],
  frozen: (elements) => Object.freeze([...elements]) as (typeof elements)[number][],
  'a class': (elements) => class List<T> extends Array<T> {}.from(elements),
  proxy: (elements) => new Proxy([...elements], {}),
  'another realm’s': (elements) => elsewhere.list(elements),
  'with a hole': (elements) => {
    const list = [...elements]
    list.length++
    return list
  },
}

function withGetters(properties: Properties, has: (key: string, index: number) => boolean): object {
  class Event extends Hidden {}
  const keys = Object.keys(properties).filter(has)
  for (const key of keys) {
    Object.defineProperty(Event.prototype, key, {
      configurable: true,
      get(this: Hidden) {
        return this.read(key)
      },
    })
  }
  return new Event(properties)
}

function define(
  object: object,
  properties: Properties,
  descriptor: (value: unknown) => PropertyDescriptor,
): object {
  for (const [key, value] of Object.entries(properties)) Object.defineProperty(object, key, descriptor(value))
  return object
}
