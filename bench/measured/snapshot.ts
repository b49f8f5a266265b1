import { EventEmitter } from 'node:events'
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import http from 'node:http'
import https from 'node:https'
import Module from 'node:module'
import net from 'node:net'

/** Where tracers put their hands, by name. */
const OWNERS: Readonly<Record<string, object>> = {
  globalThis,
  process,
  http,
  https,
  net,
  Module,
  'Module.prototype': Module.prototype,
  'http.Server.prototype': http.Server.prototype,
  'http.ClientRequest.prototype': http.ClientRequest.prototype,
  'http.IncomingMessage.prototype': http.IncomingMessage.prototype,
  'http.ServerResponse.prototype': http.ServerResponse.prototype,
  'http.OutgoingMessage.prototype': http.OutgoingMessage.prototype,
  'https.Server.prototype': https.Server.prototype,
  'net.Socket.prototype': net.Socket.prototype,
  'EventEmitter.prototype': EventEmitter.prototype,
  'AsyncLocalStorage.prototype': AsyncLocalStorage.prototype,
  'Promise.prototype': Promise.prototype,
}

const CHANNELS = [
  'http.client.request.created',
  'http.client.request.start',
  'http.client.response.finish',
  'http.server.request.start',
  'http.server.response.finish',
  'net.client.socket',
  'undici:request:create',
  'undici:request:headers',
  'undici:request:trailers',
  'undici:request:error',
]

const EVENTS = [
  'beforeExit',
  'exit',
  'SIGTERM',
  'SIGINT',
  'uncaughtException',
  'unhandledRejection',
  'worker',
]

/** What of this process a tracer could have changed, by name. */
export interface Snapshot {
  readonly properties: ReadonlyMap<string, PropertyDescriptor>
  readonly listeners: ReadonlyMap<string, readonly unknown[]>
  readonly subscribed: ReadonlySet<string>
}

export function snapshot(): Snapshot {
  const properties = new Map<string, PropertyDescriptor>()
  for (const [owner, object] of Object.entries(OWNERS)) {
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
      // What Node keeps for itself changes by itself.
      if (!key.startsWith('_')) properties.set(`${owner}.${key}`, property)
    }
  }
  return {
    properties,
    listeners: new Map(EVENTS.map((event) => [event, process.rawListeners(event)])),
    subscribed: new Set(CHANNELS.filter((name) => channel(name).hasSubscribers)),
  }
}

/** What is patched, listened to and subscribed to now, and was not then. */
export function changesSince(then: Snapshot): string[] {
  const now = snapshot()
  const changed: string[] = []
  for (const [name, property] of now.properties) {
    const was = then.properties.get(name)
    if (was === undefined || !same(was, property)) changed.push(name)
  }
  for (const [event, listeners] of now.listeners) {
    const were = then.listeners.get(event)!
    if (listeners.some((listener) => !were.includes(listener))) changed.push(`process.on('${event}')`)
  }
  for (const name of now.subscribed) if (!then.subscribed.has(name)) changed.push(`channel ${name}`)
  return changed
}

/** Whether a property is as it was; one of Node's lazy ones that has been read meanwhile is. */
function same(was: PropertyDescriptor, now: PropertyDescriptor): boolean {
  const getter: unknown = Reflect.get(was, 'get')
  if (typeof getter !== 'function') return Object.is(was.value, now.value)
  if (getter === Reflect.get(now, 'get')) return true
  return 'value' in now && now.value === Reflect.apply(getter, globalThis, [])
}

/** The snapshot taken when this was first imported: before the tracer, when it is the first import. */
export const before: Snapshot = snapshot()
