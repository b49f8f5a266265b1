// axios-retry: each attempt is a call of its own; interceptors see what they see untraced
import axios from 'axios'
import axiosRetry from 'axios-retry'

export const nodes = 'every'
export const spans = `
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
CLIENT PUT {http.path=/cut, error}
  ORIGIN PUT /cut
CLIENT PUT {http.path=/cut, error}
  ORIGIN PUT /cut
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
`
export async function run({ origin, tdist, tracing }) {
  const client = tdist ? tdist.traceAxios(tracing, axios.create()) : axios.create()
  const onRetry = (count, { code, message }) => console.log('retry', count, code, message)
  axiosRetry(client, { retries: 1, retryDelay: () => 1, onRetry })
  client.interceptors.request.use((config) => {
    console.log('asks', config.method, Object.keys(config), config['axios-retry']?.retryCount)
    return config
  })
  const failed = ({ code, message, config }) =>
    console.log({ code, message, retried: config['axios-retry'].retryCount })
  await client.get(`${origin}/status?code=503`).catch(failed)
  await client.put(`${origin}/cut`, 'some body').catch(failed)
  console.log((await client({ url: `${origin}/echo` })).data)
}
