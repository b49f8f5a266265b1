import type { ZipkinSpan } from 'tdist'

/** They differ from one process and machine to the next. */
const SERVICE_TAGS = ['service.version', 'host.name', 'service.instance.id']

/** A span's tags but for those that say whose it is. */
export function ownTags({ tags }: ZipkinSpan): Record<string, string> {
  return Object.fromEntries(Object.entries(tags ?? {}).filter(([key]) => !SERVICE_TAGS.includes(key)))
}
