import { hostname, networkInterfaces } from 'node:os'
import { shareTags, type SharedTags } from '../codec/shared-tags.ts'
import type { Endpoint } from '../codec/zipkin-span.ts'
import { processState } from '../host/process-state.ts'
import { programPackage, type ProgramPackage } from '../host/program.ts'
import { tagValue } from './tags.ts'

/** What a service says of itself: its options, or its environment's variables. */
export interface ServiceTags {
  readonly version?: string | undefined
  readonly environment?: string | undefined
  readonly tags?: Readonly<Record<string, string | number | boolean>> | undefined
}

/** The most characters that all tags of a service may take, so that they leave a record to its spans. */
const MAX_CHARACTERS = 8192

/**
 * The service that the spans of this process belong to: its name, its endpoint and its tags. They are found out once,
 * with the first span: by then a launcher has given way to the program.
 */
export class LocalService {
  readonly #nameOf: () => string
  readonly #given: Record<string, string>
  readonly #detects: boolean
  readonly #maxTagLength: number
  #name: string | undefined
  #endpoint: Endpoint | undefined
  #rootTags: SharedTags | undefined | null = null

  /**
   * `given`: what was said of the service; of two the later wins. `detects`: whether to find out what was not said.
   * Throws a TypeError of one line when the tags are too long.
   */
  constructor(
    name: string | (() => string),
    given: readonly ServiceTags[],
    detects: boolean,
    maxTagLength = 256,
  ) {
    this.#nameOf = typeof name === 'string' ? () => name : name
    this.#detects = detects
    this.#maxTagLength = maxTagLength
    this.#given = Object.create(null) as Record<string, string>
    for (const { version, environment, tags } of given) {
      for (const key in tags) this.#give(key, tags[key])
      this.#give('service.version', version)
      this.#give('deployment.environment', environment)
    }
    let characters = 0
    for (const key in this.#given) characters += key.length + this.#given[key]!.length
    if (characters > MAX_CHARACTERS) {
      throw new TypeError(`the service's tags take ${characters} characters; give ${MAX_CHARACTERS} at most`)
    }
  }

  get name(): string {
    return (this.#name ??= this.#nameOf())
  }

  /**
   * The service's name and this host's first IPv4 address that others can reach: Zipkin tells clock skew by address.
   */
  get endpoint(): Endpoint {
    return (this.#endpoint ??= localEndpoint(this.name))
  }

  /** The tags of every local root: version, environment, host, instance, and what else was given. */
  get rootTags(): SharedTags | undefined {
    if (this.#rootTags === null) this.#rootTags = shareTags(this.#tags())
    return this.#rootTags
  }

  #give(key: string, value: unknown): void {
    if (value !== undefined) this.#given[key] = tagValue(value, this.#maxTagLength)
  }

  #tags(): Record<string, string> {
    const found: Record<string, string | undefined> = {
      'service.version': this.#detects ? versionOf(programPackage(), this.name) : undefined,
      'deployment.environment': undefined,
      'host.name': this.#detects ? hostname() : undefined,
      'service.instance.id': this.#detects ? instanceId() : undefined,
    }
    const tags = Object.assign(Object.create(null), found, this.#given) as Record<string, string | undefined>
    // An empty value removes a tag.
    for (const key of Object.keys(tags)) if (!tags[key]) delete tags[key]
    return tags as Record<string, string>
  }
}

/** The version of the service: a program that was installed to run it (a framework's command) has one of its own. */
function versionOf(program: ProgramPackage | undefined, serviceName: string): string | undefined {
  return program?.isInstalled && program.name !== serviceName ? undefined : program?.version
}

/** The ID of this process: one, however many tracings it has. */
function instanceId(): string {
  processState.instanceId ??= process.getBuiltinModule('node:crypto').randomUUID()
  return processState.instanceId
}

function localEndpoint(serviceName: string): Endpoint {
  try {
    for (const addresses of Object.values(networkInterfaces())) {
      for (const { internal, family, address } of addresses ?? []) {
        if (!internal && family === 'IPv4') return Object.freeze({ serviceName, ipv4: address })
      }
    }
  } catch {
    // Some sandboxes forbid to ask.
  }
  return Object.freeze({ serviceName })
}
