// node-fetch: an answer, a redirection, a signal, a hang-up
import fetch from 'node-fetch'

export const nodes = 'every'
export const dropIn = `
CLIENT POST {http.path=/echo}
  ORIGIN POST /echo
CLIENT GET {http.path=/redirect, http.status_code=302}
  ORIGIN GET /redirect
CLIENT GET {http.path=/echo}
  ORIGIN GET /echo
CLIENT GET {http.path=/silent, error}
  ORIGIN GET /silent
CLIENT GET {http.path=/cut, error=socket hang up}
  ORIGIN GET /cut
`
export async function run({ origin, abortOn }) {
  const answer = await fetch(`${origin}/echo?q=1`, {
    method: 'POST',
    body: 'some body',
    headers: { 'X-Mine': 'yes' },
  })
  console.log(answer.status, answer.headers.raw(), await answer.json())
  const redirected = await fetch(`${origin}/redirect`)
  console.log(redirected.redirected, await redirected.text())
  const failed = ({ name, type, code, message }) => console.log({ name, type, code, message })
  await fetch(`${origin}/silent`, { signal: abortOn('/silent') }).catch(failed)
  await fetch(`${origin}/cut`).catch(failed)
}
