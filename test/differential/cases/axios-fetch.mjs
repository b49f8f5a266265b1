// axios with its fetch adapter: an answer, one that is refused, progress, a stream, a signal
import axios from 'axios'

export const nodes = 'every'
export const spans = `
CLIENT POST {http.path=/echo}
  ORIGIN POST /echo
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
CLIENT GET {http.path=/silent, error}
  ORIGIN GET /silent
`
export async function run({ origin, abortOn, tdist, tracing }) {
  const plain = axios.create({ adapter: 'fetch', headers: { 'X-Mine': 'yes' } })
  const client = tdist ? tdist.traceAxios(tracing, plain) : plain
  const onDownloadProgress = ({ loaded, total }) => console.log({ loaded, total })
  const { status, data } = await client.post(`${origin}/echo`, { some: 'body' }, { onDownloadProgress })
  console.log(status, data)
  const failed = ({ code, message }) => console.log({ code, message })
  await client.get(`${origin}/status?code=503`).catch(failed)
  const stream = await client.get(`${origin}/echo`, { responseType: 'stream' })
  console.log(await new Response(stream.data).text())
  await client.get(`${origin}/silent`, { signal: abortOn('/silent') }).catch(failed)
}
