import type { ZipkinSpan } from 'tdist'

/** A span's tags but for those that say whose it is, which differ from one process and machine to the next. */
export function ownTags({ tags }: ZipkinSpan): Record<string, string> {
  const {
    'service.version': version,
    'host.name': host,
    'service.instance.id': instance,
    ...own
  } = { ...tags }
  return own
}
