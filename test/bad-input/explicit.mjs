// The service traced in code, with what the case named by FAULT puts in.
import axios from 'axios'
import { createTracing } from 'tdist'
import { traceAxios } from 'tdist/axios'
import { traceExpress } from 'tdist/express'
import { traceFetch, traceUndici } from 'tdist/undici'
import { Agent, request } from 'undici'
import { serve } from './app.mjs'
import { optionsOf } from './faults.mjs'

const tracing = createTracing(optionsOf(process.env.FAULT))
const dispatcher = traceUndici(tracing, new Agent())
serve({
  before: [traceExpress(tracing)],
  axios: traceAxios(tracing, axios.create()),
  request: (url, options) => request(url, { ...options, dispatcher }),
  fetch: traceFetch(tracing, fetch),
})
