import express, { type Express } from 'express'
import { createTracing, httpSender, type Tracing } from 'tdist'
import { traceExpress } from 'tdist/express'

export const ownTracing = createTracing({
  serviceName: 'shop',
  sender: httpSender({ url: process.env.TDIST_ZIPKIN_URL }),
})

export function shop(tracing: Tracing = ownTracing): Express {
  const app = express()
  app.use(traceExpress(tracing))
  app.get('/hello/:name', (request, response) => {
    response.send(`Hello, ${request.params.name}`)
  })
  return app
}
