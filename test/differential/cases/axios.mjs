// axios: an answer, one that is refused, one that never comes
import axios from 'axios'

export const nodes = 'every'
export const spans = `
CLIENT POST {http.path=/echo}
  ORIGIN POST /echo
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
CLIENT GET {http.path=/cut, error}
  ORIGIN GET /cut
`
export async function run({ origin, tdist, tracing }) {
  const client = tdist ? tdist.traceAxios(tracing, axios.create()) : axios.create()
  const said = ({ status, code, message, data }) => console.log({ status, code, message, data })
  said(await client.post(`${origin}/echo?a=1`, { some: 'body' }, { headers: { 'X-Mine': 'yes' } }))
  said(await client.get(`${origin}/status?code=503`).catch((error) => error))
  said(await client.get(`${origin}/cut`).catch((error) => error))
}
