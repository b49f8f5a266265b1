// undici's interceptors below a traced dispatcher: an error made of a response has its status
import { Agent, interceptors } from 'undici'

export const nodes = '22+'
export const byHand = `
CLIENT GET {http.path=/status, http.status_code=503, error=Response Error}
  ORIGIN GET /status
CLIENT GET {http.path=/redirect}
  ORIGIN GET /redirect
  ORIGIN GET /echo
CLIENT GET {http.path=/cut, error}
  ORIGIN GET /cut
`
export async function run({ origin, tdist, tracing, after }) {
  const agent = new Agent()
  after(() => agent.destroy())
  const composed = agent.compose(
    interceptors.responseError(),
    interceptors.redirect({ maxRedirections: 1 }),
    interceptors.dump(),
  )
  const undici = tdist ? tdist.traceUndici(tracing, composed) : composed
  for (const path of ['/status?code=503', '/redirect', '/cut']) {
    const { statusCode, code, message, body } = await undici
      .request({ origin, path, method: 'GET' })
      .catch((error) => error)
    console.log({ statusCode, code, message }, await body?.text?.())
  }
}
