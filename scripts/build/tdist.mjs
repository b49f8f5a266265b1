// What a service installs. All that it loads at its start is one file; a library's part is another, loaded when the
// library is.
import { chmodSync, cpSync, existsSync } from 'node:fs'
import { askedFor, bundle, root, write } from './bundle.mjs'
import { writeFaces, writeTypes } from './faces.mjs'

/** Each subpath's source. */
const SUBPATHS = {
  index: 'src/index.ts',
  testing: 'src/testing.ts',
  codec: 'src/codec.ts',
  cls: 'src/cls.ts',
  express: 'src/transports/express/express.ts',
  axios: 'src/transports/axios/axios.ts',
  undici: 'src/transports/undici/undici.ts',
  thrift: 'src/transports/thrift/thrift.ts',
  kafkajs: 'src/kafkajs.ts',
  kinesis: 'src/publisher/senders/kinesis-sender.ts',
}
const SERVICE = [
  'src/drop-in.ts',
  ...['index', 'testing', 'express', 'axios', 'undici', 'kinesis'].map((name) => SUBPATHS[name]),
]
/** What is loaded later, and stands on the service's file. */
const LATE = {
  thrift: 'src/transports/thrift/thrift.ts',
  kafkajs: 'src/transports/kafkajs/kafkajs.ts',
  pg: 'src/transports/pg/pg.ts',
  'kafka-sender': 'src/publisher/senders/kafka-sender.ts',
  codec: 'src/codec.ts',
}
/** What is used without tracing loads none of it. */
const ALONE = { cls: 'src/cls.ts' }
const COMMAND = 'src/cli.ts'
/** The publisher's thread loads what sends, and nothing that traces: so that is a file which both take from. */
const THREAD = 'src/publisher/worker/worker.ts'

const START = `#!/usr/bin/env node
'use strict'
process.exitCode = require('./bundles/cli.cjs').main(process.argv.slice(2), process.cwd())
`

export async function buildTdist() {
  const thread = `import './${THREAD}'`
  const sending = shared('sending', await bundle('tdist-worker', thread))
  sending.sources.delete(THREAD)
  const entries = SERVICE.map((source) => `export * from './${source}'`).join('\n')
  const service = shared('service', await bundle('service', entries, [sending]))
  await bundle('tdist-worker', thread, [sending])
  for (const [name, source] of Object.entries(LATE)) {
    const own = await bundle(name, `export * from './${source}'`, [service, sending])
    if (own.size === 0) throw new Error(`${name} is in the service's file already`)
  }
  // Once more, now that it is known what is taken from them.
  await bundle('sending', partsOf(sending))
  await bundle('service', `${entries}\n${partsOf(service)}`, [sending])
  for (const [name, source] of Object.entries(ALONE)) await bundle(name, `export * from './${source}'`)
  await bundle('cli', `export * from './${COMMAND}'`)
  write('dist/cli.cjs', START)
  chmodSync(`${root}dist/cli.cjs`, 0o755)
  for (const file of askedFor) {
    if (!existsSync(`${root}dist/bundles/${file}`))
      throw new Error(`${file} is asked for and not built: it has no row in LATE`)
  }

  const bundles = { service: SERVICE, ...listed(LATE), ...listed(ALONE) }
  for (const [subpath, source] of Object.entries(SUBPATHS)) await writeFaces('dist', subpath, source, bundles)
  writeTypes('dist', Object.values(SUBPATHS))
  for (const kind of ['cjs', 'd.cts'])
    cpSync(`${root}build/src/register.${kind}`, `${root}dist/register.${kind}`)
}

/** A file that others take parts from: the sources that it has, and those of them that others need. */
function shared(name, sources) {
  return { name, sources, needed: new Set() }
}

function partsOf({ needed }) {
  const sources = [...needed].sort()
  const imports = sources.map((source, i) => `import * as part${i} from './${source}'`)
  const named = sources.map((source, i) => `${JSON.stringify(source)}: part${i}`)
  return `${imports.join('\n')}\nexport const parts = { ${named.join(', ')} }`
}

function listed(bundles) {
  return Object.fromEntries(Object.entries(bundles).map(([name, source]) => [name, [source]]))
}
