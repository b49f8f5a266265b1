/** Reads `1.2.3.4` into the first four bytes of `target`. Returns false when it is no IPv4 address. */
export function parseIpv4(text: string, target: Uint8Array): boolean {
  return parseDotted(text, 0, target, 0)
}

function parseDotted(text: string, from: number, target: Uint8Array, at: number): boolean {
  let part = 0
  let value = -1
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (value < 0 || part === 3) return false
      target[at + part++] = value
      value = -1
    } else {
      // A leading zero is refused: some read it as octal.
      if (code < ZERO || code > ZERO + 9 || value === 0) return false
      value = (value < 0 ? 0 : value * 10) + code - ZERO
      if (value > 255) return false
    }
  }
  if (value < 0 || part !== 3) return false
  target[at + 3] = value
  return true
}

/**
 * Reads an IPv6 address, compressed (`::1`), with an IPv4 tail (`::ffff:1.2.3.4`) or with a zone (`fe80::1%eth0`,
 * the zone is left out), into the first sixteen bytes of `target`; false when it is none.
 */
export function parseIpv6(text: string, target: Uint8Array): boolean {
  const zone = text.indexOf('%')
  const address = zone < 0 ? text : text.slice(0, zone)
  if (address.length > 45) return false

  let at = 0
  let gap = -1
  let i = 0
  if (address.startsWith('::')) {
    gap = 0
    i = 2
  }
  while (i < address.length) {
    if (at === 16) return false
    const colon = address.indexOf(':', i)
    const end = colon < 0 ? address.length : colon
    if (colon < 0 && address.includes('.', i)) {
      if (at > 12 || !parseDotted(address, i, target, at)) return false
      at += 4
      break
    }
    const group = parseGroup(address, i, end)
    if (group < 0) return false
    target[at++] = group >> 8
    target[at++] = group
    if (colon < 0) break
    i = colon + 1
    if (i === address.length) return false
    if (address.charCodeAt(i) === COLON) {
      if (gap >= 0) return false
      gap = at
      i++
    }
  }

  if (gap < 0) return at === 16
  if (at > 14) return false
  target.copyWithin(16 - (at - gap), gap, at)
  target.fill(0, gap, 16 - (at - gap))
  return true
}

function parseGroup(text: string, from: number, to: number): number {
  if (to === from || to - from > 4) return -1
  let group = 0
  for (let i = from; i < to; i++) {
    const digit = HEX.indexOf(text[i]!.toLowerCase())
    if (digit < 0) return -1
    group = group * 16 + digit
  }
  return group
}

/** Four bytes as `1.2.3.4`. */
export function formatIpv4(bytes: Uint8Array): string {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`
}

/** Sixteen bytes as lower-case text, the first longest run of two or more zero groups compressed (RFC 5952). */
export function formatIpv6(bytes: Uint8Array): string {
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!)

  let gap = -1
  let longest = 1
  for (let from = 0; from < 8; from++) {
    let to = from
    while (to < 8 && groups[to] === 0) to++
    if (to - from > longest) {
      gap = from
      longest = to - from
    }
    from = to
  }

  const hex = groups.map((group) => group.toString(16))
  return gap < 0 ? hex.join(':') : `${hex.slice(0, gap).join(':')}::${hex.slice(gap + longest).join(':')}`
}

const DOT = 46
const ZERO = 48
const COLON = 58
const HEX = '0123456789abcdef'
