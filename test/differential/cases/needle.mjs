// needle: an answer, a callback, a stream, a redirection, a hang-up
import needle from 'needle'

export const nodes = 'every'
export const dropIn = `
CLIENT POST {http.path=/echo}
  ORIGIN POST /echo
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
CLIENT GET {http.path=/redirect, http.status_code=302}
  ORIGIN GET /redirect
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
CLIENT GET {http.path=/cut, error=socket hang up}
  ORIGIN GET /cut
`
const close = { connection: 'close', parse_response: false }
export async function run({ origin }) {
  const said = ({ statusCode, code, message, body }) =>
    console.log({ statusCode, code, message, body: String(body) })
  said(
    await needle(
      'post',
      `${origin}/echo`,
      { some: 'body' },
      { ...close, json: true, headers: { 'X-Mine': 'yes' } },
    ),
  )
  const status = new Promise((resolve) => {
    needle.get(`${origin}/status?code=503`, close, (error, answer) => resolve(answer))
  })
  said(await status)
  console.log((await needle.get(`${origin}/echo`, close).toArray()).join(''))
  said(await needle('get', `${origin}/redirect`, { ...close, follow_max: 2 }))
  said(await needle('get', `${origin}/cut`, close).catch((error) => error))
}
