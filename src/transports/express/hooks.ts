import type { ServerResponse } from 'node:http'
import { failed } from '../../host/faults.ts'
import { isMount, noteMount, routeOf, type ExpressRequest, type Layer } from './route.ts'
import { ownerOf } from '../hooks/owner-of.ts'
import { patch, uninstallAll, type Uninstall } from '../../host/patch.ts'
import { callOf, type ServerCall } from '../node-http/server-call.ts'

type Next = (error?: unknown) => unknown
type Handle = (this: Layer, request: ExpressRequest, response: ServerResponse, next: Next) => unknown
type HandleError = (
  this: Layer,
  error: unknown,
  request: ExpressRequest,
  response: ServerResponse,
  next: Next,
) => unknown

interface Router {
  readonly stack: readonly Layer[]
  handle: Handle
}

/** An application of Express 4, whose `router` throws, or 5. */
export interface ExpressApp {
  readonly _router?: Router
  readonly router?: Router
}

/** Whether a request listener is an Express application. */
export function isExpressApp(listener: unknown): listener is ExpressApp {
  const app = listener as { handle?: unknown; set?: unknown; engine?: unknown }
  return (
    typeof listener === 'function' &&
    typeof app.handle === 'function' &&
    typeof app.set === 'function' &&
    typeof app.engine === 'function'
  )
}

/**
 * Makes the copy of Express that `app` comes from tell of routes and errors. The hooks are on the prototypes of its
 * layers and routers, which are found through the application: nothing of Express is imported, and it may be bundled.
 * Undefined as long as the application has no layer.
 */
export function hookExpress(app: ExpressApp): Uninstall | undefined {
  const router = app._router ?? app.router
  const layer = router?.stack[0]
  if (!layer) return undefined
  const layers = copyOf(layer) as { handleRequest: Handle; handleError: HandleError }
  const routers = ownerOf(router, 'handle') as { handle: Handle } | null
  const [handleRequest, handleError] = 'handleRequest' in layers ? NAMES_IN_5 : NAMES_IN_4
  return uninstallAll([
    patch(layers, handleRequest, (original: Handle) => tellRoute(original, layers)),
    patch(layers, handleError, tellError),
    routers ? patch(routers, 'handle', (original: Handle) => tellLastError(original, layers)) : () => {},
  ])
}

/**
 * Whether the hooks of the application's copy of Express have seen the request, and seen it last. They have not seen
 * one that was on its way when they were put there.
 */
export function hasMet(call: ServerCall, app: ExpressApp): boolean {
  const layer = (app._router ?? app.router)?.stack[0]
  return layer !== undefined && call.metBy === copyOf(layer)
}

/** What stands for a copy of Express: the prototype of its layers. */
function copyOf(layer: Layer): object {
  return Object.getPrototypeOf(layer) as object
}

const NAMES_IN_5 = ['handleRequest', 'handleError'] as const
const NAMES_IN_4 = ['handle_request', 'handle_error'] as unknown as typeof NAMES_IN_5

function tellRoute(original: Handle, copy: object): Handle {
  return function (request, response, next) {
    let then = next
    try {
      then = noteLayer(this, copy, request, response, next)
    } catch (error) {
      failed('express', error)
    }
    return original.call(this, request, response, then)
  }
}

/** Notes what a layer says of the request that it is about to handle. Returns the `next` that the layer gets. */
function noteLayer(
  layer: Layer,
  copy: object,
  request: ExpressRequest,
  response: ServerResponse,
  next: Next,
): Next {
  const call = callOf(request)
  if (call !== undefined) {
    if (!call.span.recording) return next
    // A route that it entered before the hooks were there has not been noted.
    if (call.metBy !== copy && !request.route?.stack?.includes(layer)) call.metBy = copy
  }
  if (!layer.route) {
    if (isMount(layer)) noteMount(layer, request)
    return next
  }
  // A layer that comes after the answer did not give it.
  if (call === undefined || response.headersSent) return next
  const route = (call.route = routeOf(layer.route, request))
  return (error) => {
    try {
      if (isError(error)) call.error ??= error
      // Passed on unanswered: the route was not this one.
      else if (call.route === route && !response.headersSent) call.route = ''
    } catch (fault) {
      failed('express', fault)
    }
    return next(error)
  }
}

function tellError(original: HandleError): HandleError {
  return function (error, request, response, next) {
    try {
      noteError(request, error)
    } catch (fault) {
      failed('express', fault)
    }
    return original.call(this, error, request, response, next)
  }
}

/**
 * Notes that there is routing, and an error that leaves it: that of a parameter's callback, say, when no layer is left
 * to handle it.
 */
function tellLastError(original: Handle, copy: object): Handle {
  return function (request, response, next) {
    let then = next
    try {
      const call = callOf(request)
      if (call) {
        call.hasRouting = true
        call.metBy = copy
      }
      if (typeof next === 'function' && call?.span.recording !== false) then = noting(request, next)
    } catch (error) {
      failed('express', error)
    }
    return original.call(this, request, response, then)
  }
}

function noting(request: ExpressRequest, next: Next): Next {
  return function (this: unknown, error) {
    try {
      noteError(request, error)
    } catch (fault) {
      failed('express', fault)
    }
    // oxlint-disable-next-line prefer-rest-params -- passed on as it came
    return Reflect.apply(next, this, arguments as unknown as [unknown])
  }
}

function noteError(request: ExpressRequest, error: unknown): void {
  if (!isError(error)) return
  const call = callOf(request)
  if (call) call.error ??= error
}

function isError(error: unknown): boolean {
  return Boolean(error) && error !== 'route' && error !== 'router'
}
