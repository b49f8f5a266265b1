import type { ZipkinSpan } from '../codec/zipkin-span.ts'
import type { Reporter } from './reporter.ts'
import type { Sender } from './sender.ts'
export interface PublisherOptions {
  maxSpans?: number
}
export class Publisher implements Reporter {
  constructor(
    _sender: Sender | undefined,
    _options: PublisherOptions & { outside?: <T>(fn: () => T) => T },
  ) {}
  report(_span: ZipkinSpan): void {}
  async flush(_deadlineMs = 2000): Promise<void> {}
  async close(_deadlineMs = 2000): Promise<void> {}
}
