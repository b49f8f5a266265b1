import type { ClientRequest } from 'node:http'
import { bindEmitter } from '../../context/bind-emitter.ts'
import { nodeHttp } from './modules.ts'
import { installOnce } from '../hooks/install-once.ts'
import { overhear } from '../hooks/overheard.ts'
import { uninstallAll, type Uninstall } from '../../host/patch.ts'

/** Where a message of node:http's keeps the call that it belongs to. */
export const CALL: unique symbol = Symbol.for('tdist.httpCall')

/** A client's call, as its request knows it. */
export interface MessageCall {
  /** The request is about to emit something. */
  outgoing?(event: string | symbol, value: unknown): void
}

/**
 * Makes the listeners of node:http's requests and responses, a server's and a client's, run with the span that was
 * current when each was added: a connection that is kept alive or pooled emits in somebody else's scope. It also tells
 * calls what their requests emit. Server and client both ask for it; it is done once.
 */
export const followMessages: () => Uninstall = installOnce(() => {
  const { ClientRequest, IncomingMessage, OutgoingMessage } = nodeHttp()
  return uninstallAll([
    bindEmitter(IncomingMessage.prototype),
    bindEmitter(OutgoingMessage.prototype),
    overhear(ClientRequest.prototype, 'node:http', outgoingEmits),
  ])
})

function outgoingEmits(
  request: ClientRequest & { [CALL]?: MessageCall },
  event: string | symbol,
  value: unknown,
): void {
  request[CALL]?.outgoing?.(event, value)
}
