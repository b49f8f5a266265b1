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
/** What is used without tracing loads none of it; nor does the publisher's thread. */
const ALONE = { cls: 'src/cls.ts' }
const COMMAND = 'src/cli.ts'
const THREAD = 'src/publisher/worker/worker.ts'

const START = `#!/usr/bin/env node
'use strict'
process.exitCode = require('./bundles/cli.cjs').main(process.argv.slice(2), process.cwd())
`

export async function buildTdist() {
  const entries = SERVICE.map((source) => `export * from './${source}'`).join('\n')
  const { own, needed } = await partsNeeded(entries)
  const parts = needed.map((source, i) => `import * as part${i} from './${source}'`).join('\n')
  const named = needed.map((source, i) => `${JSON.stringify(source)}: part${i}`).join(', ')
  const sources = await bundle('service', `${entries}\n${parts}\nexport const parts = { ${named} }`)
  if ([...sources].some((source) => !own.has(source))) throw new Error('the parts brought more parts along')
  for (const [name, source] of Object.entries(LATE)) {
    await bundle(name, `export * from './${source}'`, { name: 'service', sources: own })
  }
  for (const [name, source] of Object.entries(ALONE)) await bundle(name, `export * from './${source}'`)
  await bundle('tdist-worker', `import './${THREAD}'`)
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

/** The sources that the service's file has, and those of them that a file which is loaded later imports. */
async function partsNeeded(entries) {
  const own = await bundle('service', entries)
  const needed = new Set()
  for (const [name, source] of Object.entries(LATE)) {
    const taken = await bundle(name, `export * from './${source}'`, { name: 'service', sources: own, needed })
    if (taken.size === 0) throw new Error(`${name} is in the service's file already`)
  }
  return { own, needed: [...needed].sort() }
}

function listed(bundles) {
  return Object.fromEntries(Object.entries(bundles).map(([name, source]) => [name, [source]]))
}
