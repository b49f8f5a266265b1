// verdaccio: a registry before another is asked for a package, its tarball twice, and for a package that is nowhere
import { existsSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
export const dropIn = `
SERVER GET /:package/:version? {$service=program, http.path=/paper}
  CLIENT GET {$service=program}
    SERVER GET {$shared=true, $service=case, http.path=/paper}
SERVER GET /:package/-/:filename
  CLIENT GET
    SERVER GET {$shared=true, http.path=/paper/-/paper-1.0.0.tgz}
SERVER GET /:package/-/:filename
SERVER GET /:package/:version? {http.path=/nowhere, http.status_code=404, error=no such package available}
  CLIENT GET {http.status_code=404, error=404}
    SERVER GET {$shared=true, http.path=/nowhere, error=404}
`
const tarball = 'paper/-/paper-1.0.0.tgz'
const packages = { '**': { access: '$all', proxy: 'behind' } }
const quiet = { storage: './storage', web: { enable: false }, log: { type: 'stdout', level: 'error' } }
export async function run({ command, folder, freePort, program, serve, reported }) {
  const uplink = await serve(({ url, headers }, res) => {
    console.log(url, ...Object.keys(headers).filter((name) => !name.startsWith('x-b3-')))
    if (url === '/nowhere') res.statusCode = 404
    const dist = { tarball: `http://${headers.host}/paper/-/paper-1.0.0.tgz` }
    const versions = { '1.0.0': { name: 'paper', version: '1.0.0', dist } }
    res.end(url.endsWith('.tgz') ? 'packed' : JSON.stringify({ name: 'paper', versions }))
  })
  const settings = { ...quiet, packages, uplinks: { behind: { url: uplink } } }
  const cwd = folder({ 'config.yaml': JSON.stringify(settings) })
  const address = `127.0.0.1:${await freePort()}`
  const registry = program([command('verdaccio'), '-c', 'config.yaml', '-l', address], { cwd })
  for (const path of ['paper', tarball, tarball, 'nowhere']) {
    const answer = await registry.answer(`http://${address}/${path}`)
    // A revision is random, and the ETag with it. What was fetched is kept a moment after the answer.
    console.log(answer.replaceAll(/(ETag|"_rev"): ".*"/g, '$1'))
    while (path === tarball && !existsSync(`${cwd}/storage/paper/paper-1.0.0.tgz`)) await setImmediate()
  }
  await reported(10)
  registry.child.kill('SIGTERM')
  console.log(await registry.ended, registry.said)
}
