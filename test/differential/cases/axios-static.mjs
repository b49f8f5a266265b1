// axios, whichever way its static is reached: default, create, its own class; and its statics
import axios from 'axios'

export const nodes = 'every'
export const spans = `
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
`
export async function run({ origin, tdist, tracing }) {
  const client = tdist ? tdist.traceAxios(tracing, axios) : axios
  const said = ({ status, data }) => console.log({ status, data })
  said(await client(`${origin}/echo`))
  said(await client.default.get(`${origin}/echo`))
  said(await client.create({ headers: { 'X-Mine': 'yes' } }).get(`${origin}/echo`))
  said(await new client.Axios({ ...client.defaults, headers: {} }).get(`${origin}/echo`))
  console.log(
    Reflect.ownKeys(client),
    client.isAxiosError(new client.AxiosError('no')),
    client.default === client,
  )
  console.log(
    client.spread((a, b) => a + b)([1, 2]),
    client.AxiosHeaders.from({ a: 'b' }),
    client.CancelToken.name,
  )
}
