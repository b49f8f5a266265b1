// pm2, fork and cluster mode: an application runs as without, and its spans are its own and not pm2's
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

export const dropIn = `
CLIENT GET {$service=orders, service.version=1.4.0}
  ORIGIN GET /echo
CLIENT GET {$service=orders, service.version=1.4.0}
  ORIGIN GET /echo
`
const app = `
  const { get } = require('node:http')
  get(process.env.DIFFERENTIAL_ORIGIN + '/echo', (answer) => answer.resume().on('end', () => {
    const line = [answer.statusCode, require.main === module, process.argv.length].join(' ')
    // In a cluster pm2 writes what is said to a file, later.
    process.stdout.write(line + '\\n', () => process.kill(process.pid, 'SIGINT'))
  }))`

export async function run({ folder, nodeFlags, program }) {
  const apps = ['fork', 'cluster'].map((mode) => ({
    name: mode,
    script: 'app.cjs',
    exec_mode: mode,
    autorestart: false,
    node_args: nodeFlags,
    out_file: `${mode}.out`,
  }))
  const cwd = folder({
    'package.json': '{ "name": "orders", "version": "1.4.0" }',
    'apps.json': JSON.stringify({ apps }),
    'app.cjs': app,
  })
  const runtime = createRequire(import.meta.url)
    .resolve('pm2')
    .replace('index.js', 'bin/pm2-runtime')
  const env = { PM2_HOME: `${cwd}/pm2`, TDIST_SERVICE_NAME: undefined }
  console.log(await program([runtime, 'start', 'apps.json'], { env, cwd }).ended)
  for (const log of ['fork.out', 'cluster.out']) console.log(log, readFileSync(`${cwd}/${log}`, 'utf8'))
}
