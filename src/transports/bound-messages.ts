import { bindEmitter } from '../context/bind-emitter.ts'
import { nodeHttp } from './builtin-http.ts'
import { counted } from './counted.ts'
import { uninstallAll, type Uninstall } from './patch.ts'

/**
 * Makes the listeners of node:http's requests and responses, a server's as a client's, see the span that was
 * current when each was added: a connection that is kept alive or pooled emits from somebody else's scope.
 * Server and client both ask for it; it is done once.
 */
export const bindMessages: () => Uninstall = counted(() =>
  uninstallAll([
    bindEmitter(nodeHttp().IncomingMessage.prototype),
    bindEmitter(nodeHttp().OutgoingMessage.prototype),
  ]),
)
