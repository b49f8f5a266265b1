// Jest 30: two equal test files in one worker, with fake timers and reset modules; by hand it can't load tdist yet
export const dropIn = `
2 CLIENT GET {$service=program}
  SERVER GET {$shared=true, $service=program}
    CLIENT GET {http.path=/node}
      ORIGIN GET /node
    CLIENT GET {http.path=/axios}
      ORIGIN GET /axios
`
const test = `
  const { once } = require('node:events')
  const http = require('node:http')
  const origin = process.env.DIFFERENTIAL_ORIGIN
  it('calls under fake timers, and again when modules are reset', async () => {
    jest.useFakeTimers()
    const server = http.createServer((_req, res) => {
      http.get(origin + '/node', (answer) => answer.resume().on('end', async () => {
        jest.resetModules()
        res.end((await require('axios').get(origin + '/axios')).data.url)
      }))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const answer = await fetch('http://127.0.0.1:' + server.address().port)
    expect(await answer.text()).toBe('/axios')
    expect(jest.getTimerCount()).toBe(0)
    server.close()
  })`

export async function run({ command, folder, nodeFlags, program }) {
  const jest = { watchman: false, slowTestThreshold: 600, testTimeout: 60_000 }
  const files = ['first.test.js', 'second.test.js']
  const cwd = folder({ 'package.json': JSON.stringify({ jest }), [files[0]]: test, [files[1]]: test })
  const env = { NODE_ENV: undefined, NODE_OPTIONS: nodeFlags.join(' ') }
  const flags = ['--verbose', '-w', '1', '--cacheDirectory', 'cache', '--runTestsByPath']
  const { ended, said } = program([command('jest'), ...flags, ...files], { cwd, env })
  console.log(await ended, said.out, said.err)
}
