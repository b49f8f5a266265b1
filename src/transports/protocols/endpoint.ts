import { isIP } from 'node:net'
import type { Endpoint } from '../../codec/zipkin-span.ts'

/** The endpoint of an IP address; undefined when that is no address. `::ffff:1.2.3.4` is the IPv4 address 1.2.3.4. */
export function endpoint(address: string | undefined, port?: number): Endpoint | undefined {
  if (!address) return undefined
  const ip = address.startsWith('::ffff:') ? address.slice(7) : address
  const version = isIP(ip)
  if (version === 4) return port ? { ipv4: ip, port } : { ipv4: ip }
  if (version === 6) return port ? { ipv6: ip, port } : { ipv6: ip }
  return undefined
}
