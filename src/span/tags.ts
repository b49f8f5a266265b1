const SECRET =
  /authorization|cookie|passw(or)?d|passphrase|secret|token|api[-_.]?key|credential|private[-_.]?key|session[-_.]?id/i

const verdicts = new Map<string, boolean>()

/** Whether a tag's key says that its value should not leave the service, or is no key at all. */
export function isSecret(key: string): boolean {
  if (typeof key !== 'string') return true
  let verdict = verdicts.get(key)
  if (verdict === undefined) {
    verdict = SECRET.test(key)
    if (verdicts.size < 1000) verdicts.set(key, verdict)
  }
  return verdict
}

/** A tag's value as a string of at most `max` characters, never ending in half a surrogate pair. */
export function tagValue(value: unknown, max: number): string {
  const text = typeof value === 'string' ? value : asText(value)
  if (text.length <= max) return text
  const last = text.charCodeAt(max - 1)
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? max - 1 : max)
}

function asText(value: unknown): string {
  try {
    return String(value)
  } catch {
    return 'a value that cannot be read'
  }
}
