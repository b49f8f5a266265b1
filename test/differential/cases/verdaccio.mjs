// verdaccio: a registry before another is asked for a package, its tarball twice, and for a package that is nowhere
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
const quiet = { storage: './storage', web: { enable: false }, log: { type: 'stdout', level: 'error' } }

export async function run({ command, folder, freePort, program, serve, reported }) {
  const uplink = await serve(({ url, headers }, res) => {
    console.log(url, ...Object.keys(headers).filter((name) => !name.startsWith('x-b3-')))
    const dist = { tarball: `http://${headers.host}/paper/-/paper-1.0.0.tgz` }
    const version = { name: 'paper', version: '1.0.0', dist }
    if (url === '/nowhere') res.writeHead(404).end('{}')
    else
      res.end(url === '/paper' ? JSON.stringify({ name: 'paper', versions: { '1.0.0': version } }) : 'packed')
  })
  const port = await freePort()
  const packages = { '**': { access: '$all', proxy: 'behind' } }
  const settings = { ...quiet, uplinks: { behind: { url: uplink } }, packages }
  const cwd = folder({ 'config.yaml': JSON.stringify(settings) })
  const registry = program([command('verdaccio'), '-c', 'config.yaml', '-l', `127.0.0.1:${port}`], { cwd })
  for (const path of ['paper', 'paper/-/paper-1.0.0.tgz', 'paper/-/paper-1.0.0.tgz', 'nowhere'])
    // A revision is random, and the ETag with it.
    console.log(
      (await registry.answer(`http://127.0.0.1:${port}/${path}`)).replaceAll(/(ETag|"_rev"): ".*"/g, '$1'),
    )
  await reported(10)
  registry.child.kill('SIGTERM')
  console.log(await registry.ended, registry.said.out, registry.said.err)
}
