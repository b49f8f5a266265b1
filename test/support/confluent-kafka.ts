import { execFile } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import type { Kafka } from 'kafkajs'
import { cached } from './java-server.ts'

const VERSION = '1.10.1'
/** It is the same on every Node, and to build it for each takes too long. */
const NODES = [20, 24]
const PACKAGE = '@confluentinc/kafka-javascript'

/** What of Confluent's library is as kafkajs, but for where options go. */
export interface ConfluentKafka {
  readonly Kafka: new (config: { kafkaJS: object; [name: string]: unknown }) => Kafka
}

/**
 * Confluent's client, built here for this version of Node, once: it is no dev dependency, for what its installation
 * fetches is not on npm. That takes minutes. A string says why it can't be had here.
 */
export async function loadConfluentKafka(): Promise<ConfluentKafka | string> {
  const node = Number.parseInt(process.versions.node)
  if (!NODES.includes(node)) return `Confluent’s client is built for Node ${NODES.join(' and ')} alone`
  try {
    const name = `confluent/${VERSION}-${process.versions.modules}`
    const folder = await cached(name, build, ['g++', 'make', 'python3'])
    const { KafkaJS } = createRequire(`${folder}/`)(PACKAGE) as { KafkaJS: ConfluentKafka }
    return KafkaJS
  } catch (error) {
    const [line] = (error as Error).message.split('\n')
    const needs = 'g++, make, python3, libcurl4-openssl-dev, libssl-dev, zlib1g-dev and libzstd-dev'
    return `no Confluent client: needs ${needs} (${line})`
  }
}

async function build(into: string): Promise<void> {
  writeFileSync(`${into}/package.json`, '{ "private": true }')
  const prefix = dirname(dirname(process.execPath))
  const env = {
    ...process.env,
    PATH: `${prefix}/bin:${process.env['PATH']}`,
    CKJS_LINKING: 'dynamic',
    // Its rules for make fail when two run at once.
    JOBS: '1',
    ...(existsSync(`${prefix}/include/node/node.h`) && { npm_config_nodedir: prefix }),
  }
  const install = ['install', '--no-audit', '--no-fund', `${PACKAGE}@${VERSION}`]
  await promisify(execFile)('npm', install, { cwd: into, env, maxBuffer: 1 << 28 })
  // Sources and objects, 300 MB.
  const library = `${into}/node_modules/${PACKAGE}`
  for (const left of ['deps', 'build/Release/obj.target'])
    rmSync(`${library}/${left}`, { recursive: true, force: true })
}
