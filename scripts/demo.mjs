// `tdist-server demo`, and for `--kafka` a real broker, where none is named: the tests' own, which needs Java and Maven.
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const args = process.argv.slice(2)
const env = { ...process.env }
let broker

if (args.includes('--kafka') && !env.KAFKA_BROKERS) {
  const tsc = `${root}node_modules/typescript/bin/tsc`
  const compiled = spawnSync(process.execPath, [tsc, '-p', `${root}test`], { stdio: 'inherit' })
  if (compiled.status !== 0) process.exit(1)
  const { startKafkaBroker } = await import('../build/test/support/kafka-broker.js')
  broker = await startKafkaBroker()
  if (typeof broker === 'string') {
    console.error(`tdist-server: ${broker}`)
    process.exit(2)
  }
  env.KAFKA_BROKERS = broker.brokers.join()
}

const demo = spawn(process.execPath, [`${root}server/dist/cli.js`, 'demo', ...args], {
  env,
  stdio: 'inherit',
})
// A terminal's Ctrl-C reaches the demo too, which ends in order; the broker ends after it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => demo.kill(signal))
demo.on('exit', async (code) => {
  await broker?.stop()
  process.exit(code ?? 1)
})
