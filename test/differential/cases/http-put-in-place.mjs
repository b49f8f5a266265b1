// node:http whose own methods are replaced by the traced ones
import http from 'node:http'
import { once } from 'node:events'

export const nodes = 'every'
export const spans = `
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
`
export async function run({ origin, tdist, tracing }) {
  for (let i = 0; i < 2; i++) {
    if (tdist) Object.assign(http, tdist.traceHttpClient(tracing, http))
    const [response] = await once(http.get(`${origin}/echo`, { agent: false }), 'response')
    console.log(response.statusCode, String(Buffer.concat(await response.toArray())))
  }
}
