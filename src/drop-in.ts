import type NodeModule from 'node:module'
import { tracingOf } from './tracing/create-tracing.ts'
import {
  kafkaFromEnvironment,
  propagationFromEnvironment,
  samplerFromEnvironment,
  senderFromEnvironment,
  serviceNameFromEnvironment,
  serviceTagsFromEnvironment,
  thriftFromEnvironment,
} from './tracing/environment.ts'
import { LocalService } from './span/local-service.ts'
import { guarded } from './host/guarded.ts'
import { debug } from './host/log.ts'
import { processState } from './host/process-state.ts'
import { programPackage } from './host/program.ts'
import type { TracingOptions } from './options/tracing-options.ts'
import { LIBRARIES } from './transports/libraries.ts'

/**
 * Traces this process as the environment says, if it has a name. Throws an Error of one line for a variable that is not
 * understood. An instrumentation that fails is counted and said on standard error, and the others go on. `nodeModule`:
 * `node:module`, which the caller has without loading it.
 */
export function install(nodeModule: typeof NodeModule): void {
  // A process may be told twice, by --require and by --import, or by two copies of the package.
  if (processState.dropIn) return
  const given = serviceNameFromEnvironment()
  const serviceName = given ?? programPackage()?.name
  if (serviceName === undefined) {
    // NODE_OPTIONS reach every tool that is written for Node, and most are no services.
    debug('tracing is off: the service has no name; set TDIST_SERVICE_NAME')
    return
  }
  const nameOf = (): string => given ?? programPackage()?.name ?? serviceName
  const tracing = tracingOf(
    optionsFromEnvironment(serviceName),
    () => new LocalService(nameOf, [serviceTagsFromEnvironment()], true),
  )
  if (!tracing.enabled) return
  processState.dropIn = tracing
  processState.nodeModule = nodeModule
  for (const instrumentation of LIBRARIES) {
    const { module } = instrumentation
    const start = (): void => {
      instrumentation.install(tracing)
      debug(`traces ${module}`)
    }
    guarded(`install ${module}`, start, undefined, tracing)
  }
}

function optionsFromEnvironment(serviceName: string): TracingOptions {
  const sender = senderFromEnvironment()
  const sampler = samplerFromEnvironment()
  const propagation = propagationFromEnvironment()
  const kafka = kafkaFromEnvironment()
  const thrift = thriftFromEnvironment()
  return {
    serviceName,
    ...(sender && { sender }),
    ...(sampler && { sampler }),
    ...(propagation && { propagation }),
    ...(kafka && { kafka }),
    ...(thrift && { thrift }),
  }
}
