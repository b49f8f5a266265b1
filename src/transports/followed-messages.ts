import type { ClientRequest, IncomingMessage } from 'node:http'
import { bindEmitter } from '../context/bind-emitter.ts'
import { nodeHttp } from './builtin-http.ts'
import { counted } from './counted.ts'
import { overhearSockets } from './http-connection.ts'
import { overhear } from './overheard.ts'
import { uninstallAll, type Uninstall } from './patch.ts'

/** Where a message of node:http's keeps the call that it belongs to. */
export const CALL: unique symbol = Symbol.for('tdist.httpCall')

/** A call, as its messages know it. */
export interface MessageCall {
  /** The request that a server got, or the response that a client got, is about to emit one of these. */
  incoming(event: Incoming): void
  /** The request that a client makes is about to emit something. */
  outgoing?(event: string | symbol, value: unknown): void
}

export type Incoming = 'aborted' | 'end' | 'close'

/**
 * Makes the listeners of node:http's requests and responses, a server's as a client's, see the span that was
 * current when each was added: a connection that is kept alive or pooled emits from somebody else's scope. And has
 * calls told what becomes of their messages and sockets. Server and client both ask for it; it is done once.
 */
export const followMessages: () => Uninstall = counted(() => {
  const { ClientRequest, IncomingMessage, OutgoingMessage } = nodeHttp()
  return uninstallAll([
    bindEmitter(IncomingMessage.prototype),
    bindEmitter(OutgoingMessage.prototype),
    overhear(IncomingMessage.prototype, 'node:http', incomingEmits),
    overhear(ClientRequest.prototype, 'node:http', outgoingEmits),
    overhearSockets(),
  ])
})

/** Most of what a message emits is of no interest, and it need not be asked for its call. */
function incomingEmits(message: IncomingMessage & { [CALL]?: MessageCall }, event: string | symbol): void {
  if (event === 'end' || event === 'close' || event === 'aborted') message[CALL]?.incoming(event)
}

function outgoingEmits(
  request: ClientRequest & { [CALL]?: MessageCall },
  event: string | symbol,
  value: unknown,
): void {
  request[CALL]?.outgoing?.(event, value)
}
