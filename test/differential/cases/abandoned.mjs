// fetch and undici: a body that is given up is no error, an answer that breaks off is
import { Agent } from 'undici'

export const nodes = '22+'
export const spans = `
CLIENT GET {http.path=/stall, @response abandoned}
  ORIGIN GET /stall
CLIENT GET {http.path=/stall, @response abandoned}
  ORIGIN GET /stall
CLIENT GET {http.path=/stall, @response abandoned}
  ORIGIN GET /stall
CLIENT GET {http.path=/stall, @response abandoned}
  ORIGIN GET /stall
CLIENT GET {http.path=/stall, @response abandoned}
  ORIGIN GET /stall
CLIENT GET {http.path=/cut, error}
  ORIGIN GET /cut
`
export async function run({ origin, tdist, tracing, after }) {
  const call = tdist ? tdist.traceFetch(tracing, fetch) : fetch
  const agent = new Agent()
  after(() => agent.destroy())
  const undici = tdist ? tdist.traceUndici(tracing, agent) : agent
  const said = ({ name, message, code, cause }) => console.log({ name, message, code, cause: cause?.code })
  const ask = (path, more) => undici.request({ origin, path, method: 'GET', ...more })

  await (await call(`${origin}/stall`)).body.cancel('enough')
  for await (const _ of (await call(`${origin}/stall`)).body) break
  const controller = new AbortController()
  const response = await call(`${origin}/stall`, { signal: controller.signal })
  controller.abort()
  await response.text().catch(said)
  await (await ask('/stall')).body.dump({ limit: 1 })
  ;(await ask('/stall')).body.on('error', said).destroy(new Error('mine'))
  await ask('/cut').catch(said)
}
