// json-server: a program as it is, asked, written to, and ended by a signal
import { readFileSync } from 'node:fs'

export const dropIn = `
SERVER GET {http.path=/papers}
SERVER POST {http.path=/papers}
SERVER GET not_found {http.path=/papers/7, http.status_code=404, error=404}
SERVER GET {http.path=/papers}
`
export async function run({ command, folder, freePort, program }) {
  const port = await freePort()
  const cwd = folder({ 'db.json': JSON.stringify({ papers: [{ id: 1, name: 'daily' }] }) })
  const server = program([command('json-server'), 'db.json', '--quiet', '--port', port], { cwd })
  const url = `http://127.0.0.1:${port}/papers`
  console.log(await server.answer(url))
  const headers = { 'Content-Type': 'application/json' }
  console.log(await server.answer(url, { method: 'POST', headers, body: '{"name":"weekly"}' }))
  console.log(await server.answer(`${url}/7`))
  console.log(await server.answer(`${url}?_page=1&_limit=1`))
  server.child.kill('SIGTERM')
  console.log(await server.ended, server.said, readFileSync(`${cwd}/db.json`, 'utf8'))
}
