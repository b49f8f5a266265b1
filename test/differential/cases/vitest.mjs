// Vitest 3, each pool: two equal files in one worker, fake timers, reset modules; vmThreads can't load axios's packages
export const spans = `
6 CLIENT GET {$service=program}
  SERVER GET {$shared=true, $service=program}
    CLIENT GET {http.path=/node}
      ORIGIN GET /node
    CLIENT GET {http.path=/fetch}
      ORIGIN GET /fetch
`
const untraced = 'export * as http from "node:http"; export const { fetch } = globalThis'
const traced = `import node from 'node:http'
  import { createTracing, traceFetch, traceHttpClient, traceHttpServer } from 'tdist'
  const tracing = createTracing({ serviceName: 'program' })
  const createServer = (listener) => traceHttpServer(tracing, node.createServer(listener))
  export const http = { ...traceHttpClient(tracing, node), createServer }
  export const fetch = traceFetch(tracing, globalThis.fetch)`
const test = `import { appendFileSync, statSync } from 'node:fs'; import { expect, it, vi } from 'vitest'
  import { closeAll, origin, reported, serve } from '../case-kit.mjs'
  import { fetch, http } from './http.mjs'
  it('calls under fake timers, and again when modules are reset', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const url = await serve(http.createServer((_req, res) =>
      http.get(origin + '/node', (answer) => answer.resume().on('end', async () => {
        vi.resetModules()
        res.end((await (await import('./http.mjs')).fetch(origin + '/fetch')).statusText)
      }))))
    expect(await (await fetch(url)).text()).toBe('OK')
    await Promise.all([vi.runAllTimers(), closeAll()])
    appendFileSync('spans', '....')
    await reported(statSync('spans').size) // a thread is terminated, and sends no more
  }, 60_000)`
export async function run({ command, folder, nodeFlags, program, tdist }) {
  const cwd = folder({ 'a.test.mjs': test, 'b.test.mjs': test, 'http.mjs': tdist ? traced : untraced })
  const flags = ['--no-file-parallelism', '--no-isolate', '--no-cache', '--reporter=verbose']
  const env = { NODE_ENV: undefined, NODE_OPTIONS: nodeFlags.join(' ') }
  for (const pool of ['threads', 'forks', 'vmThreads']) {
    const vitest = program([command('vitest'), 'run', ...flags, '--pool', pool], { cwd, env })
    console.log(pool, await vitest.ended, vitest.said.out, vitest.said.err)
  }
}
