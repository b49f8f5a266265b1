// superagent: an answer, a form, retries, a redirection, a piped answer
import { PassThrough } from 'node:stream'
import superagent from 'superagent'

export const nodes = 'every'
export const dropIn = `
CLIENT POST {http.path=/echo}
  ORIGIN POST /echo
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
CLIENT GET {http.path=/status, http.status_code=503, error=503}
  ORIGIN GET /status
CLIENT GET {http.path=/redirect, http.status_code=302}
  ORIGIN GET /redirect
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
`
export async function run({ origin }) {
  const said = ({ status, code, message, body, redirects }) =>
    console.log({ status, code, message, body, redirects })
  said(await superagent.post(`${origin}/echo`).type('form').send({ some: 'body' }).set('X-Mine', 'yes'))
  const retried = superagent.get(`${origin}/status?code=503`).retry(1, (error) => {
    console.log(error?.message)
  })
  said(await retried.catch((error) => error))
  said(await superagent.get(`${origin}/redirect`))
  const piped = superagent.get(`${origin}/echo`).pipe(new PassThrough())
  console.log((await piped.toArray()).join(''))
}
