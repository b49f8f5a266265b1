// undici: options and headers of classes of the service's own, through interceptors
import { Agent, interceptors } from 'undici'

export const nodes = '22+'
export const spans = `
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
`
class Options {
  #idempotent = true
  method = 'GET'
  path = '/echo'
  headers = new Map([['x-mine', 'yes']])

  constructor(origin) {
    this.origin = origin
  }

  get idempotent() {
    return this.#idempotent
  }
}

export async function run({ origin, tdist, tracing }) {
  const traced = (agent) => (tdist ? tdist.traceUndici(tracing, agent) : agent)
  const plain = new Agent()
  const composed = plain.compose(interceptors.redirect({ maxRedirections: 1 }))
  for (const dispatcher of [traced(plain), traced(composed)]) {
    const { statusCode, body } = await dispatcher.request(new Options(origin))
    console.log(statusCode, await body.text())
  }
  await plain.close()
}
