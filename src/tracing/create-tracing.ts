import { disabledByEnvironment, serviceTagsFromEnvironment } from './environment.ts'
import { LocalService } from '../span/local-service.ts'
import { describe, warn } from '../host/log.ts'
import { processState } from '../host/process-state.ts'
import { checkTracing, type TracingOptions } from '../options/tracing-options.ts'
import { ServiceTracing } from './service-tracing.ts'
import type { Tracing } from './tracing.ts'

/** Made ahead: where making one has failed, making another may fail too. */
const OFF = new ServiceTracing(
  { serviceName: 'untraced', enabled: false },
  new LocalService('untraced', [], false),
)

/**
 * Makes a service's tracing. Never throws: where the options are wrong a line on standard error says what to change,
 * and the service runs untraced.
 */
export function createTracing(options: TracingOptions): Tracing {
  try {
    return made(
      options,
      (name) => new LocalService(name, [serviceTagsFromEnvironment(), options], true, options.maxTagLength),
    )
  } catch (error) {
    return off(error)
  }
}

type ServiceOf = (name: string) => LocalService

/** As `createTracing`, for whoever knows better whose spans these are. `serviceOf` may throw one line. */
export function tracingOf(options: TracingOptions, serviceOf: ServiceOf): ServiceTracing {
  try {
    return made(options, serviceOf)
  } catch (error) {
    return off(error)
  }
}

function made(options: TracingOptions, serviceOf: ServiceOf): ServiceTracing {
  checkTracing(options)
  const serviceName = options.serviceName.trim()
  const enabled = (options.enabled ?? true) && !disabledByEnvironment()
  const service = enabled ? serviceOf(serviceName) : new LocalService(serviceName, [], false)
  const tracing = new ServiceTracing({ ...options, serviceName, enabled }, service)
  processState.tracing = tracing
  return tracing
}

function off(error: unknown): ServiceTracing {
  warn('options', `tracing is off: ${describe(error).replace(/^tdist: /, '')}`)
  processState.tracing = OFF
  return OFF
}
