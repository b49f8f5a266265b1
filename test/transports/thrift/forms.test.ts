import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { createTestTracing } from 'tdist/testing'
import { traceThriftClient } from 'tdist/thrift'
import { LIST_FORMS, OBJECT_FORMS } from '../../support/object-forms.js'
import { createNpmClient, openNpmConnection } from '../../support/thrift-npm.js'

const { tracing } = createTestTracing()

describe('a Thrift struct of any form', () => {
  let port: number
  const server = createServer()
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    ;({ port } = server.address() as AddressInfo)
  })
  after(() => server.close())

  /** The bytes of one call; its answer never comes. */
  async function written(struct: object, wrap: (connection: object) => object): Promise<Buffer | string> {
    const wire = { processor: 'plain', transport: 'buffered', protocol: 'binary' } as const
    const came = once(server, 'connection') as Promise<[Socket]>
    const connection = openNpmConnection(wire, port) as { destroy(): void; connection: Socket }
    const [socket] = await came
    try {
      const client = createNpmClient(wire, wrap(connection)) as unknown as {
        nest(one: object): Promise<unknown>
      }
      const call = client.nest(struct)
      const refused = call.then(
        () => 'an answer',
        (error: unknown) => String(error),
      )
      return await Promise.race([refused, once(socket, 'data').then(([bytes]) => bytes as Buffer)])
    } catch (error) {
      return String(error)
    } finally {
      connection.connection.destroy()
      socket.destroy()
    }
  }

  const make = (form: string, inner: string, list: string): object => {
    const leaf = () => OBJECT_FORMS[inner]!({ id: 7, name: 'leaf' })
    return OBJECT_FORMS[form]!({
      leaf: leaf(),
      leaves: LIST_FORMS[list]!([leaf(), leaf()]),
      byName: OBJECT_FORMS[inner]!({ one: leaf() }),
    })
  }

  async function compare(form: string, inner: string, list: string): Promise<void> {
    const plain = await written(make(form, inner, list), (connection) => connection)
    for (const propagation of ['off', 'prefix', 'field'] as const) {
      const traced = await written(make(form, inner, list), (connection) =>
        traceThriftClient(tracing, connection, { propagation }),
      )
      assert.deepEqual(typeof traced === 'string' ? traced : untraced(traced), plain, propagation)
    }
    assert.deepEqual(tracing.faults, {})
  }

  it('is the same bytes traced and untraced', async () => {
    for (const form of Object.keys(OBJECT_FORMS)) await compare(form, 'plain', 'plain')
    for (const list of Object.keys(LIST_FORMS)) await compare('plain', 'plain', list)
    const forms = fc.constantFrom(...Object.keys(OBJECT_FORMS))
    const lists = fc.constantFrom(...Object.keys(LIST_FORMS))
    await fc.assert(fc.asyncProperty(forms, forms, lists, compare), { numRuns: 15 })
  })
})

/** A message without its frame, or its field. */
function untraced(message: Buffer): Buffer {
  if (message[0] === 0xc1) return message.subarray(6 + message.readUInt16BE(4))
  const at = message.indexOf(Buffer.from([13, 8888 >> 8, 8888 & 0xff]))
  if (at === -1) return message
  let end = at + 9
  for (let left = message.readInt32BE(at + 5) * 2; left > 0; left--) end += 4 + message.readInt32BE(end)
  return Buffer.concat([message.subarray(0, at), message.subarray(end)])
}
