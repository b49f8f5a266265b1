// ky: an answer, retries, a signal, an answer that is no JSON
import ky from 'ky'

export const nodes = '22+'
export const spans = `
CLIENT POST {http.path=/echo}
  ORIGIN POST /echo
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
CLIENT GET {http.path=/silent, error}
  ORIGIN GET /silent
CLIENT GET {http.path=/status, !http.status_code}
  ORIGIN GET /status
`
export async function run({ origin, abortOn, tdist, tracing }) {
  const client = tdist ? ky.create({ fetch: tdist.traceFetch(tracing, fetch) }) : ky
  const failed = ({ name, message, cause }) => console.log({ name, message, cause: cause?.name })
  const headers = { 'X-Mine': 'yes' }
  const answer = await client.post(`${origin}/echo`, { json: { some: 'body' }, headers })
  console.log(answer.status, await answer.json())
  const hooks = { beforeRetry: [({ retryCount, error }) => console.log('retry', retryCount, error.name)] }
  const retry = { limit: 1, delay: () => 1 }
  await client(`${origin}/status?code=503`, { retry, hooks }).catch(failed)
  await client(`${origin}/silent`, { signal: abortOn('/silent') }).catch(failed)
  await client(`${origin}/status?code=200`).json().catch(failed)
}
