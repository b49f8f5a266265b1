import type { SharedTags } from '../codec/shared-tags.ts'
import type { ZipkinSpan } from '../codec/zipkin-span.ts'

/** Takes finished spans. Never throws and never waits. */
export interface Reporter {
  report(span: ZipkinSpan, shared?: SharedTags): void
}
