// got: an answer, retries, a redirection, a signal
import http from 'node:http'
import got from 'got'

export const nodes = '22+'
export const spans = `
CLIENT POST {http.path=/echo}
  ORIGIN POST /echo
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
CLIENT GET {http.path=/redirect, http.status_code=302}
  ORIGIN GET /redirect
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
CLIENT GET {http.path=/silent, error}
  ORIGIN GET /silent
`
export async function run({ origin, abortOn, tdist, tracing }) {
  const client = tdist ? got.extend({ request: tdist.traceHttpClient(tracing, http).request }) : got
  const said = ({ name, code, message, statusCode, body, redirectUrls = [], timings = {} }) => {
    console.log({
      name,
      code,
      message,
      statusCode,
      body,
      from: redirectUrls.map(String),
      timed: Object.keys(timings),
    })
  }
  said(await client.post(`${origin}/echo`, { json: { some: 'body' }, headers: { 'X-Mine': 'yes' } }))
  const retry = { limit: 1, calculateDelay: ({ computedValue }) => Math.min(computedValue, 1) }
  said(await client(`${origin}/status?code=503`, { retry }).catch((error) => error))
  said(await client(`${origin}/redirect`))
  said(await client(`${origin}/silent`, { signal: abortOn('/silent') }).catch((error) => error))
}
