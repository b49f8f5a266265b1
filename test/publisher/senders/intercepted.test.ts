import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { syncBuiltinESMExports } from 'node:module'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { once } from 'node:events'
import { httpSender } from '#src/publisher/senders/http-sender.js'
import { kafkaSender } from '#src/publisher/senders/kafka-sender.js'
import { kinesisSender } from '#src/publisher/senders/kinesis-sender.js'
import type { Sender } from '#src/publisher/senders/sender.js'
import { newSpan } from '../support.ts'

const pem = readFileSync(new URL('../../../../test/support/localhost.pem', import.meta.url))
const record = { bytes: Buffer.from(JSON.stringify([newSpan(1)])), spans: 1 }
type Owner = Record<string, (...args: never[]) => unknown>

/** What msw and nock replace, and what others might. */
const REPLACED: [owner: object, name: string][] = [
  [http, 'request'],
  [http, 'get'],
  [http, 'ClientRequest'],
  [https, 'request'],
  [https, 'get'],
  [net, 'connect'],
  [net, 'createConnection'],
  [net.Socket.prototype, 'connect'],
]

describe('calls that are intercepted when a sender has been made: the sender’s own are not', () => {
  const intercepted: string[] = []
  const undo: (() => void)[] = []
  const senders: Sender[] = []
  let servers: net.Server[]
  let bytes = ''

  before(async () => {
    const hear = (socket: net.Socket): void =>
      void socket
        .on('error', () => {})
        .on('data', (data: Buffer) => {
          bytes += data.toString('latin1')
          socket.end('HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}')
        })
    servers = [net.createServer(hear), tls.createServer({ key: pem, cert: pem }, hear)]
    for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening')
    const [plain, secret] = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`)
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' })
    senders.push(
      httpSender({ url: `http://${plain}` }),
      httpSender({ url: `https://${secret}` }),
      kinesisSender({ streamName: 's', region: 'here', endpoint: `http://${plain}` }),
      kafkaSender({ brokers: [plain!], timeoutMs: 300 }),
      kafkaSender({ brokers: [secret!], timeoutMs: 300, ssl: { rejectUnauthorized: false } }),
    )
    for (const [owner, name] of REPLACED) {
      const before = Object.getOwnPropertyDescriptor(owner, name)!
      const value = function (): never {
        intercepted.push(name)
        throw new Error(`intercepted ${name}`)
      }
      Object.defineProperty(owner, name, { ...before, value })
      undo.push(() => {
        assert.equal((owner as Owner)[name], value, `${name} is still intercepted`)
        Object.defineProperty(owner, name, before)
      })
    }
    syncBuiltinESMExports()
  })
  after(async () => {
    for (const restore of undo.reverse()) restore()
    syncBuiltinESMExports()
    for (const name of ['NODE_TLS_REJECT_UNAUTHORIZED', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) {
      delete process.env[name]
    }
    for (const sender of senders) await sender.close?.()
    for (const server of servers) server.close()
  })

  for (const [i, [name, arrived]] of (
    [
      ['HTTP', /^POST \/api\/v2\/spans/],
      ['HTTPS', /^POST \/api\/v2\/spans/],
      ['Kinesis', /Kinesis_20131202.PutRecords/],
      ['Kafka', /tdist/],
      ['Kafka by TLS', /tdist/],
    ] as const
  ).entries()) {
    it(name, async () => {
      bytes = ''
      intercepted.length = 0
      // What speaks no Kafka and no Kinesis has the spans fail, when they have come to it.
      await senders[i]!.send([record]).catch(() => {})
      assert.match(bytes, arrived)
      assert.deepEqual(intercepted, [])
    })
  }
})
