import { assumeOurs } from '../../tracing/assume-ours.ts'
import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { Tracing } from '../../tracing/tracing.ts'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import type { Socket } from 'node:net'
import { instrumentation, type Instrumentation } from '../hooks/instrumentation.ts'
import { lateBound, type Emit } from '../hooks/overheard.ts'
import { patch, uninstallAll, type Uninstall } from '../../host/patch.ts'
import { nodeHttp, nodeHttps } from './modules.ts'
import { whenHttpsLoads } from './when-https-loads.ts'
import { followResponses, type ServerCall } from './server-call.ts'
import { ServerCalls } from './server-calls.ts'

/**
 * Traces every request that this server of `node:http` or `node:https` answers, upgrades included: each is a SERVER
 * span, which is current in the server's handlers. Returns the server.
 */
export function traceHttpServer<S extends Server | SecureServer>(tracing: Tracing, server: S): S {
  assumeOurs(tracing)
  if (!tracing.enabled) return server
  followResponses()
  patchEmit(server, emitTraced(tracing))
  return server
}

/** Traces every server of `node:http` and `node:https` in the process. */
export const nodeHttpServer: Instrumentation = instrumentation('node:http', (tracing) => {
  const wrap = emitTraced(tracing)
  return uninstallAll([
    followResponses(),
    patchEmit(nodeHttp().Server.prototype, wrap),
    whenHttpsLoads(() => patchEmit(nodeHttps().Server.prototype, wrap)),
  ])
})

type Wrap = (own: { readonly emit: Emit }) => Emit

function patchEmit(server: object, wrap: Wrap): Uninstall {
  return patch(server as { emit: Emit }, 'emit', (original) => wrap(lateBound(server, original)))
}

function emitTraced(tracing: ServiceTracing): Wrap {
  const calls = new ServerCalls(tracing)
  const { dataManager } = tracing

  return (own) =>
    function (event, first, second) {
      let call: ServerCall | undefined
      try {
        call = beginOn(calls, event, first, second)
      } catch (error) {
        tracing.failed('http server', error)
      }
      // oxlint-disable-next-line prefer-rest-params -- the one way to pass them all on that allocates nothing
      const args = arguments as unknown as Parameters<Emit>
      if (call === undefined) return own.emit.apply(this, args)
      try {
        return dataManager.apply(call.span, own.emit, this, args)
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
