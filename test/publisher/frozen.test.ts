import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { decodeSpans } from '#src/codec/decode.js'

/** A function as Lambda runs it: between an event and its answer it is awake, else frozen. */
const FUNCTION = `
  import { createTracing, httpSender } from 'tdist'
  const tracing = createTracing({ serviceName: 'function', sender: httpSender({ url: process.env.SINK }) })
  process.on('message', async (n) => {
    await tracing.tracer.trace('invoke ' + n, () => tracing.tracer.trace('work ' + n, () => new Promise(setImmediate)))
    await tracing.flush(60_000)
    process.send(tracing.publisher.stats())
  })
  process.on('disconnect', () => tracing.close())
`

test(
  'a process that is frozen between invocations: the spans of each are there before, whatever its connections did',
  { skip: process.platform === 'win32' && 'there is no SIGSTOP' },
  async (t) => {
    const names: string[] = []
    const sockets = new Set<Socket>()
    let connections = 0
    const sink = createServer((req, res) => {
      void (async () => {
        const chunks: Buffer[] = []
        for await (const chunk of req) chunks.push(chunk as Buffer)
        names.push(...decodeSpans(Buffer.concat(chunks)).map(({ name }) => name!))
        res.writeHead(202).end()
      })()
    })
    sink.on('connection', (socket: Socket) => {
      connections++
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    await once(sink.listen(0, '127.0.0.1'), 'listening')
    t.after(() => {
      sink.close()
      sink.closeAllConnections()
    })
    const { port } = sink.address() as AddressInfo
    const child = spawn(process.execPath, ['--input-type=module', '-e', FUNCTION], {
      env: { ...process.env, NODE_OPTIONS: '', SINK: `http://127.0.0.1:${port}/api/v2/spans` },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    t.after(() => child.kill('SIGKILL'))
    const stderr = text(child.stderr!)

    // Closed while the process sleeps: it finds an end, or a reset, when it wakes up or when it sends.
    const closings = ['destroy', 'resetAndDestroy', 'destroy', 'resetAndDestroy'] as const
    for (const [n, closing] of closings.entries()) {
      child.kill('SIGCONT')
      child.send(n)
      const [stats] = (await once(child, 'message')) as [{ queued: number; inFlight: number }]
      assert.deepEqual(names.splice(0).toSorted(), [`invoke ${n}`, `work ${n}`])
      assert.deepEqual([stats.queued, stats.inFlight], [0, 0])
      child.kill('SIGSTOP')
      const closed = [...sockets].map((socket) => once(socket, 'close'))
      for (const socket of sockets) socket[closing]()
      await Promise.all(closed)
    }
    assert.equal(connections, closings.length)

    const ended = once(child, 'exit')
    child.kill('SIGCONT')
    child.disconnect()
    assert.deepEqual(await ended, [0, null])
    // A line that a connection broke is right where the reset was found by sending; it is all there may be.
    assert.doesNotMatch(await stderr, /(?:not sent|dropped|lost)/)
  },
)
