import { writeTag } from './proto3-tag.ts'

/** Tags that many spans have in common, encoded once for all of them. */
export interface SharedTags {
  readonly tags: Readonly<Record<string, string>>
  readonly keys: readonly string[]
  /** Fields of a proto3 span, as its encoder writes them. */
  readonly proto3: Uint8Array
  /** Members of a JSON object, without its braces. */
  readonly json: string
}

/** Encodes tags; undefined when there are none. */
export function shareTags(tags: Readonly<Record<string, string>>): SharedTags | undefined {
  const keys = Object.keys(tags)
  if (keys.length === 0) return undefined
  // A tag's frame takes 16 bytes at most, a character of UTF-16 three.
  const limit = keys.reduce((sum, key) => sum + 16 + 3 * (key.length + tags[key]!.length), 0)
  const target = Buffer.allocUnsafeSlow(limit)
  const end = keys.reduce((at, key) => writeTag(target, at, limit, key, tags[key]!), 0)
  return {
    tags,
    keys,
    proto3: Uint8Array.from(target.subarray(0, end)),
    json: JSON.stringify(tags).slice(1, -1),
  }
}

/** Whether a span has no tag of its own under any of these keys: its own would replace the shared one. */
export function ownsNoneOf(
  keys: readonly string[],
  own: Readonly<Record<string, string>> | undefined,
): boolean {
  if (own === undefined) return true
  for (let i = 0; i < keys.length; i++) {
    if (Object.hasOwn(own, keys[i]!)) return false
  }
  return true
}

/** Adds to `own` the shared tags whose keys it does not have. */
export function addShared({ keys, tags }: SharedTags, own: Record<string, string>): void {
  for (const key of keys) {
    if (!Object.hasOwn(own, key)) own[key] = tags[key]!
  }
}
