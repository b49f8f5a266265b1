// Thrift: a oneway call as Go's clients write it, and one that a handler answers twice
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import thrift from 'thrift'

export const nodes = 'every'
export const spans = `
3 SERVER Service.fire {!tdist.ended}
SERVER Service.echo {!tdist.ended}
`
export async function run({ tdist, tracing }) {
  // From where cases are run: build/differential/<process>/cases.
  const Service = createRequire(import.meta.url)('../../../../test/thrift/gen-es6/Service.js')
  const handler = {
    fire: (text) => console.log('fired', text),
    echo: (text, answer) => (answer(null, text), answer(null, 'again')),
  }
  const processor = new Service.Processor(handler)
  const server = thrift.createMultiplexServer(tdist ? tdist.traceProcessor(tracing, processor) : processor)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect(server.address().port, '127.0.0.1')
  for (const [i, method] of ['fire', 'fire', 'fire', 'echo'].entries()) socket.write(call(method, i))
  const answer = []
  socket.on('data', (bytes) => answer.push(bytes) && Buffer.concat(answer).includes('again') && socket.end())
  await once(socket, 'close')
  console.log(Buffer.concat(answer).toString('hex'))
  server.close()
}

/** A message of type CALL with one string in it, in TBinaryProtocol. */
function call(method, seqid) {
  const name = Buffer.from(method).toString('hex')
  return Buffer.from(`8001000100000004${name}0000000${seqid}0b000100000002686900`, 'hex')
}
