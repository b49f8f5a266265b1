// node:cluster: two workers share a port; each request is a trace of its worker, and ends as the worker ends, by itself or not
export const nodes = 'every'
export const spans = `
4 SERVER GET {$service=program, http.path=/echo}
  CLIENT GET {$service=program, http.path=/echo}
    ORIGIN GET /echo
`
const app = `
  import cluster from 'node:cluster'
  import http from 'node:http'
  const tdist = process.env.BY_HAND ? await import('tdist') : undefined
  const tracing = tdist?.createTracing({ serviceName: 'program' })
  const client = tdist?.traceHttpClient(tracing, http) ?? http
  const answer = (req, res) => {
    process.send(req.url)
    res.setHeader('worker', cluster.worker.id)
    client.get(process.env.DIFFERENTIAL_ORIGIN + req.url, (came) => came.pipe(res))
  }
  const first = cluster.isPrimary ? cluster.fork() : undefined
  if (first) {
    cluster.on('exit', ({ id, exitedAfterDisconnect }, ...how) => console.log(id, exitedAfterDisconnect, ...how))
    cluster.on('message', ({ id }, url) => console.log(id, url))
    first.on('listening', ({ port }) => cluster.fork().on('listening', (at) => console.log('ready', port === at.port, port)))
    process.on('SIGTERM', () => first.disconnect().once('exit', () => cluster.workers[2].process.kill('SIGTERM')))
  } else {
    const server = http.createServer(answer).listen(0, '127.0.0.1')
    tdist?.traceHttpServer(tracing, server)
  }`
export async function run({ ask, folder, program, tdist }) {
  const cwd = folder({ 'app.mjs': app })
  const { child, ended, said, until } = program(['app.mjs'], { cwd, env: tdist && { BY_HAND: 'yes' } })
  const [, port] = await until(/ready true (\d+)\n/)
  for (let i = 0; i < 4; i++) {
    console.log(await ask(`http://127.0.0.1:${port}/echo?i=${i}`))
    await until(new RegExp(`i=${i}\n`))
  }
  child.kill('SIGTERM')
  console.log(await ended, said.out.replace(port, ''), said.err)
}
