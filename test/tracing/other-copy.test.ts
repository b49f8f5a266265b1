import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { it } from 'node:test'
import type { ZipkinSpan } from 'tdist'

const require = createRequire(import.meta.url)

function newCopy(): typeof import('tdist') {
  for (const file of Object.keys(require.cache)) if (file.includes('dist')) delete require.cache[file]
  return require('tdist') as typeof import('tdist')
}

it('what one copy of the package traces takes the tracing and the spans of another', async (t) => {
  const [one, other] = [newCopy(), newCopy()]
  assert.notEqual(one.createTracing, other.createTracing)
  const spans: ZipkinSpan[] = []
  const tracing = one.createTracing({
    serviceName: 'shop',
    sender: one.consoleSender(),
    spanHandler: { end: (span) => (spans.push(span), false) },
  })
  const second = other.createTracing({ serviceName: 'other', sender: one.consoleSender() })
  const server = other.traceHttpServer(
    tracing,
    http.createServer((_request, response) => response.end()),
  )
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const client = other.traceHttpClient(tracing, http)
  await tracing.tracer.trace('work', async (span) => {
    // A span of one in the scope of the other.
    await second.dataManager.run(span, async () => {
      const request = client.get({ port, agent: false })
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      await once(response.resume(), 'close')
    })
  })
  while (spans.length < 3) await new Promise(setImmediate)
  assert.deepEqual(spans.map(({ kind, name }) => `${kind ?? 'LOCAL'} ${name}`).sort(), [
    'CLIENT GET',
    'LOCAL work',
    'SERVER GET',
  ])
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1)
  assert.deepEqual([tracing.faults, second.faults], [{}, {}])
})
