import { once } from 'node:events'
import http, { type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import type { Express, NextFunction, Request, Response } from 'express'
import type { Tracing } from 'tdist'
import type { Filter, Server } from '../suites/http-server.ts'

/** The default export of Express 4 or 5. */
export type ExpressModule = typeof import('express')

export const NOT_READY = 'not ready'

/** Adds what the suite of HTTP servers asks for. */
export function addRoutes(express: ExpressModule, app: Express, tracing: Tracing, filter: Filter): void {
  // Express prints errors in any other environment.
  app.set('env', 'test')
  app.use((request, _response, next) => {
    filter(request)
    next()
  })
  app.get('/foo', (_request, response) => void response.send('foo'))
  app.options('/', (_request, response) => void response.end())
  app.get('/badrequest', (_request, response) => void response.status(400).end())
  app.get('/baggage', (_request, response) => {
    response.send(tracing.tracer.currentSpan?.baggage('user-id'))
  })
  app.get('/child', (_request, response) => {
    tracing.tracer.trace('child', () => {})
    response.end()
  })
  app.get('/async', (_request, response) => void setTimeout(() => response.end(), 1))
  app.get('/exception', () => {
    throw notReady()
  })
  app.get('/exceptionAsync', (_request, _response, next) => {
    void setImmediate().then(() => next(notReady()))
  })
  const forward = (to: string) => (request: Request, response: Response, next: NextFunction) => {
    request.url = to
    ;(request.app as unknown as { handle: (...args: unknown[]) => void }).handle(request, response, next)
  }
  app.get('/forward', forward('/foo'))
  app.get('/forwardAsync', (request, response, next) => {
    void setImmediate().then(() => forward('/foo')(request, response, next))
  })
  app.get('/exceptionAsyncDispatch', (request, response, next) => {
    void setImmediate().then(() => forward('/exception')(request, response, next))
  })
  app.get('/exceptionAsyncTimeout', (_request, _response, next) => {
    setTimeout(() => next(Object.assign(new Error('Timed out after 1ms'), { status: 504 })), 1)
  })

  const item = (request: Request<{ id: string }>, response: Response) => void response.send(request.params.id)
  app.get('/items/:id', item)
  const nested = express.Router()
  nested.get('/items/:id', item)
  app.use('/nested', nested)
  app.get('/async_items/:id', (request, response) => void setImmediate().then(() => item(request, response)))
}

function notReady(): Error {
  return Object.assign(new Error(NOT_READY), { status: 503 })
}

/** Listens on a port of its own. */
export async function listen(server: HttpServer): Promise<Server & { readonly port: number }> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `${server instanceof http.Server ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
