// Runs one case: `node run-case.mjs CASE MODE`. What it says is the host's output; tracing's accounts go to
// descriptor 3 at the end.
import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import * as kit from './case-kit.mjs'

const [, , file, mode] = process.argv
const require = createRequire(import.meta.url)
/** No exports, and what has traced the process by being loaded. */
const OTHERS = ['./package.json', './register']

let tracing
let tdist
if (mode === 'byHand') {
  const { exports } = require('tdist/package.json')
  const entries = Object.keys(exports).filter((entry) => !OTHERS.includes(entry))
  tdist = Object.assign({}, ...(await Promise.all(entries.map((entry) => import(`tdist${entry.slice(1)}`)))))
  tracing = tdist.createTracing({ serviceName: 'case' })
}
if (mode === 'dropIn') tracing = (await import('tdist')).currentTracing()
if (tracing) process.on('exit', account)

const { run } = await import(pathToFileURL(file))
try {
  await run({ ...kit, tracing: tdist && tracing, tdist })
} finally {
  await kit.closeAll()
}

function account() {
  const { faults, publisher, dataManager } = tracing
  writeSync(
    3,
    JSON.stringify({ faults, stats: publisher.stats(), isCurrent: dataManager.current !== undefined }),
  )
}
