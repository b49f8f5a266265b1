import { readFileSync } from 'node:fs'
import type NodeModule from 'node:module'
import { dirname, join } from 'node:path'
import {
  propagationFromEnvironment,
  samplerFromEnvironment,
  senderFromEnvironment,
  serviceNameFromEnvironment,
} from './environment.ts'
import { debug } from './log.ts'
import { processState } from './process-state.ts'
import { createTracing, type TracingOptions } from './tracing.ts'
import { express } from './transports/express.ts'
import type { Instrumentation } from './transports/instrumentation.ts'
import { kafkajs } from './transports/kafkajs.ts'
import { nodeHttpClient } from './transports/node-http-client.ts'
import { nodeHttpServer } from './transports/node-http-server.ts'
import { thrift } from './transports/thrift.ts'
import { undici } from './transports/undici-channels.ts'

const INSTRUMENTATIONS: readonly Instrumentation[] = [
  nodeHttpServer,
  nodeHttpClient,
  express,
  undici,
  kafkajs,
  thrift,
]

/**
 * Traces this process as the environment says. Throws one line when the environment asks for what there is not;
 * an instrumentation that fails is counted and said, and the others go on. `nodeModule` is
 * `node:module`, from whoever has it at hand.
 */
export function install(nodeModule: typeof NodeModule): void {
  // A process may be told twice, by --require and by --import, or by two copies of the package.
  if (processState.dropIn) return
  const tracing = createTracing(optionsFromEnvironment())
  if (!tracing.enabled) return
  processState.dropIn = tracing
  processState.nodeModule = nodeModule
  for (const instrumentation of INSTRUMENTATIONS) {
    try {
      instrumentation.install(tracing)
      debug(`traces ${instrumentation.module}`)
    } catch (error) {
      tracing.failed(`install ${instrumentation.module}`, error)
    }
  }
}

function optionsFromEnvironment(): TracingOptions {
  const sender = senderFromEnvironment()
  const sampler = samplerFromEnvironment()
  const propagation = propagationFromEnvironment()
  return {
    serviceName: serviceNameFromEnvironment() ?? packageName(process.argv[1]),
    ...(sender && { sender }),
    ...(sampler && { sampler }),
    ...(propagation && { propagation }),
  }
}

/** The name in the package.json nearest to the program that is run. */
function packageName(program: string | undefined): string {
  let folder = program ?? process.cwd()
  for (;;) {
    try {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }
      if (typeof name === 'string') return name
    } catch {
      // None here, or none that can be read: look further up.
    }
    if (dirname(folder) === folder) break
    folder = dirname(folder)
  }
  throw new Error('the service has no name; set TDIST_SERVICE_NAME')
}
