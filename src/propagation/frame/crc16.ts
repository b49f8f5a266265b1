/** Made when the first frame is, so that a service that has none does not pay for it. */
let table: Uint16Array | undefined

/**
 * CRC-16/CCITT-FALSE (polynomial 1021, initial value FFFF, nothing reflected, nothing inverted) of the bytes from
 * `start` up to `end`, as https://reveng.sourceforge.io/crc-catalogue/16.htm lists it (CRC-16/IBM-3740).
 */
export function crc16(bytes: Uint8Array, start: number, end: number): number {
  const steps = (table ??= makeTable())
  let crc = 0xffff
  for (let i = start; i < end; i++) crc = ((crc << 8) & 0xffff) ^ steps[(crc >> 8) ^ bytes[i]!]!
  return crc
}

function makeTable(): Uint16Array {
  const steps = new Uint16Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
    steps[byte] = crc
  }
  return steps
}
