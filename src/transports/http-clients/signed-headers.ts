import { b3 } from '../../propagation/b3.ts'
import type { Setter } from '../../propagation/propagation.ts'
import { w3c } from '../../propagation/w3c.ts'

/*
 * A signature says which headers it covers:
 *   Authorization: AWS4-HMAC-SHA256 …, SignedHeaders=host;x-b3-traceid, …   AWS, and all who do as it does
 *   ?X-Amz-SignedHeaders=host%3Bx-b3-traceid                               the same in a URL
 *   Signature-Input: sig1=("@method" "x-b3-traceid");created=…             HTTP Message Signatures
 *   Authorization: Signature …,headers="host x-b3-traceid",…               the drafts before those; also Signature:
 */
const LIST = /\bSignedHeaders="?([^\s,&"]+)/i
const QUERY = /[?&][\w-]*SignedHeaders=([^&#]+)/i
const DRAFT = /\bheaders="([^"]*)"/i
const COMPONENT = /"([^"]+)"/g

/**
 * The headers that name a trace together. If only some of them were replaced, they would name a trace that is not
 * there.
 */
const TOGETHER = [b3.keys, w3c.keys]

/**
 * The names, in lower case, of the headers that a signature of the caller's covers, and of those that belong to them. A
 * request with one of them changed would be refused. Undefined when nothing is signed. It is to be called only when a
 * header of the caller's would be replaced.
 */
export function signedHeaders(
  headers: Iterable<readonly [unknown, unknown]>,
  path: string,
): ReadonlySet<string> | undefined {
  const signed = new Set<string>()
  const add = (list: string | undefined): void => {
    for (const name of list?.toLowerCase().split(/[;\s]+/) ?? []) if (name !== '') signed.add(name)
  }
  add(QUERY.exec(path)?.[1]?.replaceAll(/%3b/gi, ';'))
  for (const [name, values] of headers) {
    const lower = String(name).toLowerCase()
    if (lower === 'signature-input') {
      for (const [, component] of String(values).matchAll(COMPONENT)) add(component)
    } else if (lower === 'authorization' || lower === 'signature') {
      const value = String(values)
      add(LIST.exec(value)?.[1])
      add(DRAFT.exec(value)?.[1])
    }
  }
  for (const names of TOGETHER) {
    if (names.some((name) => signed.has(name))) for (const name of names) signed.add(name)
  }
  return signed.size > 0 ? signed : undefined
}

/** A setter that sets all headers but those in `kept`. */
export function unless<Carrier>(kept: ReadonlySet<string>, set: Setter<Carrier>): Setter<Carrier> {
  return (carrier, name, value) => {
    if (!kept.has(name)) set(carrier, name, value)
  }
}
