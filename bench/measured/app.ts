import { AsyncLocalStorage } from 'node:async_hooks'
import type { RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import type Express from 'express'
import type * as Undici from 'undici'

// By require, as most services still load them: OpenTelemetry sees no ESM import without a loader.
const require = createRequire(import.meta.url)
const express = require('express') as typeof Express
const { request } = require('undici') as typeof Undici

/** The service that is measured: one and the same for every variant. `backend` is the service that it calls. */
export function makeApp(backend: string, variant: string): RequestListener {
  const app = express()
  app.use(express.json())

  app.get('/items/:id', (req, res) => {
    res.json({ id: req.params.id, name: 'lamp', price: 1995 })
  })

  app.get('/stock/:id', async (req, res) => {
    const { body } = await request(`${backend}/stock/${req.params.id}`)
    res.json(await body.json())
  })

  // What it costs at the very least to know the current request.
  if (variant === 'als') {
    const storage = new AsyncLocalStorage<object>()
    return (req, res) => storage.run({}, () => app(req, res))
  }
  return app
}
