// From a service through a Kinesis stream to a trace on the screen, all on this machine.
//
//   npm ci && npm run build && node examples/kinesis.mjs
//
// The stream is the one that the tests use. Against AWS it is `kinesisSender({ streamName })`, and, in another
// terminal, `npx tdist-server collect --stream NAME`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createTracing } from 'tdist'
import { kinesisSender } from 'tdist/kinesis'
import { startLocalKinesis } from '#server/local-kinesis/local-kinesis.js'

const kinesis = await startLocalKinesis({ streams: { spans: 2 } })
const tracing = createTracing({
  serviceName: 'album',
  sender: kinesisSender({ streamName: 'spans', endpoint: kinesis.endpoint }),
})
const { tracer } = tracing

await tracer.trace('upload', { tags: { user: 'ann' } }, async () => {
  await tracer.trace('resize', () => pause(20))
  await tracer.trace('store', () => pause(5))
})
await tracing.close()

const { offered, sent } = tracing.publisher.stats()
console.log(`${sent} of ${offered} spans sent`)

const cli = fileURLToPath(new URL('../server/dist/cli.js', import.meta.url))
const collector = spawn(
  process.execPath,
  [cli, 'collect', '--stream', 'spans', '--endpoint', kinesis.endpoint, '--once'],
  { stdio: 'inherit' },
)
await once(collector, 'close')
await kinesis.close()

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
