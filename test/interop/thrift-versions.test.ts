import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createTestTracing } from 'tdist/testing'
import { traceProcessor, traceThriftClient } from 'tdist/thrift'
import { cached } from '../support/java-server.ts'

const GENERATED = fileURLToPath(new URL('../../../test/thrift/gen-es6', import.meta.url))
const PROPAGATIONS = ['field', 'prefix', 'auto'] as const

/** A version of npm's thrift beside generated code that loads it. A string says why it can't be had here. */
async function install(version: string): Promise<string> {
  return cached(
    `thrift-npm/${version}`,
    async (into) => {
      writeFileSync(`${into}/package.json`, '{ "private": true }')
      const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', `thrift@${version}`]
      await promisify(execFile)('npm', args, { cwd: into })
      cpSync(GENERATED, `${into}/generated`, { recursive: true })
    },
    ['npm'],
  )
}

for (const version of ['0.12.0', '0.14.2', '0.16.0', '0.18.1', '0.20.0', '0.22.0']) {
  describe(`thrift ${version}`, async () => {
    const folder = await install(version)
    const require = createRequire(`${folder}/`)
    // oxlint-disable-next-line typescript/no-explicit-any -- neither the package nor generated code has types
    const thrift: any = require('thrift')
    // oxlint-disable-next-line typescript/no-explicit-any -- as above
    const Service: any = require('./generated/Service.js')
    const { Oops } = require('./generated/service_types.js')
    const recorded = createTestTracing()
    const { tracing } = recorded
    afterEach(() => recorded.assertClean())

    const handler = {
      add: (a: number, b: number) => a + b,
      echo: async (text: string) => text,
      fire() {},
      async declared(why: string): Promise<never> {
        throw new Oops({ why })
      },
    }

    for (const protocol of ['TBinaryProtocol', 'TCompactProtocol', 'TJSONProtocol']) {
      for (const transport of ['TBufferedTransport', 'TFramedTransport']) {
        it(`${protocol}, ${transport}: is traced in every mode`, async () => {
          const options = { protocol: thrift[protocol], transport: thrift[transport] }
          const processor = traceProcessor(tracing, new Service.Processor(handler))
          const server = thrift.createMultiplexServer(processor, options)
          server.listen(0, '127.0.0.1')
          await once(server, 'listening')
          const { port } = server.address() as AddressInfo
          for (const propagation of PROPAGATIONS) {
            const connection = thrift.createConnection('127.0.0.1', port, options)
            const client = thrift.createClient(
              Service,
              traceThriftClient(tracing, connection, { propagation }),
            )
            assert.equal(await client.add(2, 3), 5)
            client.fire('now')
            await assert.rejects(client.declared('why'), (error) => error instanceof Oops)
            assert.equal(await client.echo('größe'), 'größe')
            const spans = await recorded.take(8, 20_000)
            assert.equal(new Set(spans.map(({ id }) => id)).size, 4, propagation)
            connection.end()
          }
          server.close()
        })
      }
    }
  })
}
