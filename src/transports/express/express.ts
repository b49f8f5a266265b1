import { assumeOurs } from '../../tracing/assume-ours.ts'
import type { ServiceTracing } from '../../tracing/service-tracing.ts'
import type { Tracing } from '../../tracing/tracing.ts'
import type { Server } from 'node:http'
import type { RequestHandler } from 'express'
import { guarded } from '../../host/guarded.ts'
import { onMicrotask } from '../../host/timers.ts'
import { hasMet, hookExpress, isExpressApp, type ExpressApp } from './hooks.ts'
import { routeOf, type ExpressRequest } from './route.ts'
import { instrumentation, type Instrumentation } from '../hooks/instrumentation.ts'
import { uninstallAll, type Uninstall } from '../../host/patch.ts'
import { listenTo } from '../hooks/diagnostics-channel.ts'
import { followResponses, lookAtAnswers, type ServerCall } from '../node-http/server-call.ts'
import { ServerCalls } from '../node-http/server-calls.ts'

/**
 * Returns middleware for Express 4 and 5 that traces every request which reaches it, so mount it first. Each request is
 * a SERVER span, named by its route. A request that is traced already, by the drop-in or by an application that this
 * one is mounted in, is only passed on.
 */
export function traceExpress(tracing: Tracing): RequestHandler {
  assumeOurs(tracing)
  return guarded('express', () => (tracing.enabled ? middleware(tracing) : untraced), untraced, tracing)
}

const untraced: RequestHandler = (_request, _response, next) => next()

function middleware(tracing: ServiceTracing): RequestHandler {
  followResponses()
  const calls = new ServerCalls(tracing)
  // Hooked before the first request, so that nothing of that is missed. A channel must not be left while it publishes.
  const apps = new Apps(tracing, () => onMicrotask(unwatch))
  const unwatch = apps.watchServers()

  return (request, response, next) => {
    let call: ServerCall | undefined
    try {
      call = calls.begin(request, response)
      // A router that stands alone, or Connect, has none.
      const app = request.app as unknown as ExpressApp | undefined
      if (app) apps.learn(app)
      if (app && call) call.hasRouting = true
    } catch (error) {
      tracing.failed('http server', error)
    }
    if (call === undefined) next()
    else tracing.dataManager.run(call.span, next)
  }
}

/**
 * Names the requests of every Express application by their routes. Their spans are made by node:http's instrumentation.
 */
export const express: Instrumentation = instrumentation('express', (tracing) => {
  const apps = new Apps(tracing)
  return uninstallAll([() => apps.unhookAll(), apps.watchServers(), apps.watchAnswers()])
})

interface Exchange {
  readonly request: ExpressRequest & { app?: unknown }
  readonly server: Server
}

/** The applications that are known, and the hooks in their copies of Express. */
class Apps {
  readonly #tracing: ServiceTracing
  readonly #known = new WeakSet<object>()
  readonly #hooks: Uninstall[] = []
  readonly #learned: () => void
  #latest: ExpressApp | undefined

  /** `learned` is called when an application has become known. */
  constructor(tracing: ServiceTracing, learned: () => void = () => {}) {
    this.#tracing = tracing
    this.#learned = learned
  }

  /** Hooks the copy of Express that `app` comes from. False as long as the application is empty. */
  learn(app: ExpressApp): boolean {
    if (app === this.#latest || this.#known.has(app)) return true
    try {
      const hook = hookExpress(app)
      if (!hook) return false
      this.#hooks.push(hook)
    } catch (error) {
      this.#tracing.failed('express', error)
    }
    this.#known.add(app)
    this.#latest = app
    this.#learned()
    return true
  }

  unhookAll(): void {
    uninstallAll(this.#hooks)()
  }

  /** Hooks the applications that servers were made with, before their first request is handled. Returns the undo. */
  watchServers(): Uninstall {
    const seen = new WeakSet<object>()
    return listenTo<Exchange>('http.server.request.start', 'express', ({ server }) => {
      if (seen.has(server)) return
      const apps = (server.listeners('request') as unknown[]).filter(isExpressApp)
      if (apps.every((app) => this.learn(app))) seen.add(server)
    })
  }

  /**
   * Hooks the applications that a listener of the service's own passes requests to, when they give their first answer.
   * That request, and those that were on their way by then, are named by the route that they entered last.
   */
  watchAnswers(): Uninstall {
    return lookAtAnswers((call, request: Exchange['request']) => {
      try {
        this.#nameBy(call, request)
      } catch (error) {
        this.#tracing.failed('express', error)
      }
    })
  }

  #nameBy(call: ServerCall, request: Exchange['request']): void {
    if (call.route !== undefined || !call.span.recording) return
    if (isExpressApp(request.app)) {
      call.hasRouting = true
      // Its hooks know better: the route that it entered last need not be the one that answered.
      if (hasMet(call, request.app)) return
      this.learn(request.app)
    }
    if (request.route) call.route = routeOf(request.route, request)
  }
}
