import { isIP } from 'node:net'
import type { Endpoint } from '../../codec/zipkin-span.ts'

/** An endpoint from an IP literal; undefined when it is none. An IPv4 address in IPv6 clothes is IPv4. */
export function endpoint(address: string | undefined, port?: number): Endpoint | undefined {
  if (!address) return undefined
  const ip = address.startsWith('::ffff:') ? address.slice(7) : address
  const version = isIP(ip)
  if (version === 4) return port ? { ipv4: ip, port } : { ipv4: ip }
  if (version === 6) return port ? { ipv6: ip, port } : { ipv6: ip }
  return undefined
}
