import http, { type IncomingMessage, request as namedRequest } from 'node:http'
import https from 'node:https'
import { nodeHttpClient, traceHttpClient, type HttpModule } from 'tdist'
import { type ClientUnderTest, httpClientSuite, type TracedClient } from '../../suites/http-client.js'

interface Way {
  readonly name: string
  readonly tls?: boolean
  readonly trace: (tracing: Parameters<ClientUnderTest['create']>[0]) => [HttpModule, () => void]
}

const ways: Way[] = [
  { name: 'node:http, drop-in', trace: (tracing) => [http, nodeHttpClient.install(tracing)] },
  {
    name: 'node:http, drop-in, imported by name',
    trace: (tracing) => {
      const undo = nodeHttpClient.install(tracing)
      return [{ request: namedRequest, get: http.get }, undo]
    },
  },
  { name: 'node:https, drop-in', tls: true, trace: (tracing) => [https, nodeHttpClient.install(tracing)] },
  { name: 'node:http, explicit', trace: (tracing) => [traceHttpClient(tracing, http), () => {}] },
  {
    name: 'node:https, explicit',
    tls: true,
    trace: (tracing) => [traceHttpClient(tracing, https), () => {}],
  },
  {
    name: 'node:http, both ways',
    trace: (tracing) => {
      const undo = nodeHttpClient.install(tracing)
      return [traceHttpClient(tracing, http), undo]
    },
  },
]

for (const { name, tls, trace } of ways) {
  httpClientSuite({
    name,
    ...(tls && { tls }),
    create(tracing, _origin, bounded) {
      const [module, undo] = trace(tracing)
      const options = { keepAlive: true, ...(bounded && { maxSockets: 1 }), rejectUnauthorized: false }
      const agent = tls ? new https.Agent(options) : new http.Agent(options)
      return client(module, agent, undo)
    },
  })
}

function client(module: HttpModule, agent: http.Agent, undo: () => void): TracedClient {
  const send: TracedClient['send'] = (url, init = {}) =>
    new Promise((resolve, reject) => {
      const options = { agent, method: init.method ?? 'GET' }
      const req = module.request(url, options, (res: IncomingMessage) => {
        const { location } = res.headers
        if (location) {
          res.destroy()
          resolve(send(location))
          return
        }
        res.resume().on('end', () => resolve(res.statusCode!))
      })
      req.on('error', reject)
      req.end(init.body)
    })
  return {
    send,
    sendBack: (url, callback) =>
      void module.get(url, { agent }, (res) => {
        res.resume()
        callback(res.statusCode)
      }),
    close() {
      agent.destroy()
      undo()
    },
  }
}
