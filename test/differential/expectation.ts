import type { SeenSpan } from './arrivals.ts'

/** A line of an expectation, and those below it. */
interface Expected {
  readonly kind: string
  readonly name: string
  readonly says: readonly string[]
  readonly children: Expected[]
}

interface Came {
  readonly span: SeenSpan
  readonly children: Came[]
}

const LINE = /^( *)(?:(\d+) )?(CLIENT|SERVER|PRODUCER|CONSUMER|LOCAL|ORIGIN) (.*?)(?: \{(.*)\})?$/

/** Whether the spans are those of the expectation, in any order of siblings. README.md has the notation. */
export function isExpected(spans: readonly SeenSpan[], expectation: string): boolean {
  return matchAll(parse(expectation), treeOf(spans))
}

/** Spans in the notation of expectations, with those tags that the expectation speaks of somewhere, and errors. */
export function rendered(spans: readonly SeenSpan[], expectation: string): string {
  const isNamed = (tag: string): boolean => tag === 'error' || expectation.includes(tag)
  return linesOf(treeOf(spans), '', isNamed).join('\n')
}

/** Throws on a line that is no span, or stands deeper than one below another. */
export function parse(expectation: string): Expected[] {
  const roots: Expected[] = []
  const path: Expected[] = []
  for (const line of expectation.split('\n')) {
    if (line.trim() === '') continue
    const [, indent, times = 1, kind, name, says] = LINE.exec(line) ?? []
    const depth = indent === undefined ? NaN : indent.length / 2
    const siblings = depth === 0 ? roots : path[depth - 1]?.children
    if (!siblings) throw new Error(`no span is expected by: ${line}`)
    const expected = { kind: kind!, name: name!, says: says?.split(', ') ?? [], children: [] }
    for (let i = 0; i < Number(times); i++) siblings.push(expected)
    path.splice(depth, Infinity, expected)
  }
  return roots
}

function treeOf(spans: readonly SeenSpan[]): Came[] {
  const all = spans.map((span): Came => ({ span, children: [] }))
  const roots: Came[] = []
  for (const came of all) (parentOf(came, all)?.children ?? roots).push(came)
  const start = ({ span }: Came): number => span.timestamp ?? 0
  for (const { children } of [...all, { children: roots }]) children.sort((a, b) => start(a) - start(b))
  return roots
}

/** The half of a call that others share is its parent; what is done in a call is below its last half. */
function parentOf({ span }: Came, all: readonly Came[]): Came | undefined {
  const inTrace = all.filter((other) => other.span !== span && other.span.traceId === span.traceId)
  if (span.shared) {
    const caller = inTrace.find((other) => other.span.id === span.id && !other.span.shared)
    if (caller) return caller
  }
  const above = inTrace.filter((other) => other.span.id === span.parentId && other.span.kind !== 'ORIGIN')
  return above.find((other) => other.span.shared) ?? above[0]
}

function matchAll(expected: readonly Expected[], came: readonly Came[]): boolean {
  if (expected.length !== came.length) return false
  const [first, ...others] = expected
  if (!first) return true
  return came.some((one, i) => matches(first, one) && matchAll(others, came.toSpliced(i, 1)))
}

function matches(expected: Expected, { span, children }: Came): boolean {
  if (expected.kind !== (span.kind ?? 'LOCAL') || expected.name !== (span.name ?? '')) return false
  const saysError = expected.says.some((word) => word === 'error' || word.startsWith('error='))
  if (saysError !== (span.tags?.['error'] !== undefined)) return false
  return expected.says.every((word) => says(span, word)) && matchAll(expected.children, children)
}

function says(span: SeenSpan, word: string): boolean {
  if (word.startsWith('@')) return span.annotations?.some(({ value }) => value === word.slice(1)) ?? false
  const [key, value] = word.split(/=(.*)/s) as [string, string?]
  if (key === '$service') return span.localEndpoint?.serviceName === value
  if (key.startsWith('!')) return span.tags?.[key.slice(1)] === undefined
  const found = key.startsWith('$') ? (span as Record<string, unknown>)[key.slice(1)] : span.tags?.[key]
  if (value === undefined) return found !== undefined
  return (typeof found === 'string' ? found : JSON.stringify(found)) === value
}

function linesOf(came: readonly Came[], indent: string, isNamed: (tag: string) => boolean): string[] {
  return came.flatMap(({ span, children }) => {
    const tags = Object.entries(span.tags ?? {}).filter(([key]) => isNamed(key))
    const annotations = (span.annotations ?? []).map(({ value }) => `@${value}`)
    const words = [...tags.map((tag) => tag.join('=')), ...annotations].join(', ')
    const line = `${indent}${span.kind ?? 'LOCAL'} ${span.name ?? ''}${words && ` {${words}}`}`
    return [line, ...linesOf(children, `${indent}  `, isNamed)]
  })
}
