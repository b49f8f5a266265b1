import type { EventEmitter } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Tracing } from '../tracing.ts'
import type { Instrumentation } from './instrumentation.ts'
import { patch, uninstallAll } from './patch.ts'
import { bindMessages } from './bound-messages.ts'
import { nodeHttp, nodeHttps } from './builtin-http.ts'
import { ServerCalls, type ServerCall } from './server-call.ts'

type Emit = (this: EventEmitter, event: string | symbol, ...args: unknown[]) => boolean

/**
 * Traces every request that this server of `node:http` or `node:https` answers, upgrades among them. Returns the
 * server.
 */
export function traceHttpServer<S extends Server | SecureServer>(tracing: Tracing, server: S): S {
  if (!tracing.enabled) return server
  bindMessages()
  patch(server as { emit: Emit }, 'emit', emitTraced(tracing))
  return server
}

/** Traces every server of the process. */
export const nodeHttpServer: Instrumentation = {
  module: 'node:http',
  versions: '>=20.19',
  install(tracing) {
    if (!tracing.enabled) return () => {}
    const wrap = emitTraced(tracing)
    return uninstallAll([
      bindMessages(),
      patch(nodeHttp().Server.prototype as { emit: Emit }, 'emit', wrap),
      patch(nodeHttps().Server.prototype as { emit: Emit }, 'emit', wrap),
    ])
  },
}

function emitTraced(tracing: Tracing): (original: Emit) => Emit {
  const calls = new ServerCalls(tracing)
  const { dataManager } = tracing

  return (original) =>
    function (event, first, second) {
      let call: ServerCall | undefined
      try {
        call = beginOn(calls, event, first, second)
      } catch (error) {
        tracing.failed('http server', error)
      }
      // oxlint-disable-next-line prefer-rest-params -- the one way to pass them all on that allocates nothing
      const args = arguments as unknown as Parameters<Emit>
      if (call === undefined) return original.apply(this, args)
      try {
        return dataManager.apply(call.span, original, this, args)
      } catch (error) {
        call.error ??= error
        throw error
      }
    }
}

function beginOn(
  calls: ServerCalls,
  event: string | symbol,
  request: unknown,
  other: unknown,
): ServerCall | undefined {
  switch (event) {
    case 'request':
    case 'checkContinue':
    case 'checkExpectation':
      return calls.begin(request as IncomingMessage, other as ServerResponse)
    case 'upgrade':
      return calls.beginUpgrade(request as IncomingMessage, other as Socket)
    default:
      return undefined
  }
}
