import { connect, Socket } from 'node:net'

/*
 * What intercepts calls in tests (msw, nock) replaces this method on the prototype of all sockets: spans would be
 * printed as calls that nobody expects, answered by a mock or refused. Senders open their sockets by the one that was
 * there when this file was loaded.
 */
const prototype: object = Socket.prototype
const own: PropertyDescriptor | undefined = Object.getOwnPropertyDescriptor(prototype, 'connect')

/** `net.connect`, as it was. */
export const connectSocket: typeof connect = connect

/**
 * Calls `open`, which opens sockets before it returns, with Node's own `connect` on the prototype of sockets, whatever
 * somebody has put there since. That is put back afterwards. Returns what `open` returns.
 */
export function pastInterceptors<T>(open: () => T): T {
  const now = Object.getOwnPropertyDescriptor(prototype, 'connect')
  if (own === undefined || now?.value === own.value || !Reflect.defineProperty(prototype, 'connect', own)) {
    return open()
  }
  try {
    return open()
  } finally {
    if (now) Reflect.defineProperty(prototype, 'connect', now)
    else Reflect.deleteProperty(prototype, 'connect')
  }
}
