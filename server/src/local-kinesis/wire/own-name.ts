import { isIP } from 'node:net'

/**
 * Whether a request that names this host, as `name:port`, was meant for a server that listens on `host`. A page in a
 * browser may be sent here under a name of its maker's (DNS rebinding), and would then read and delete what is here. A
 * browser cannot be made to use an address, nor a name without a dot, such as containers have, as its own.
 */
export function isOwnName(authority: string | undefined, host: string): boolean {
  if (authority === undefined) return false
  const name = authority
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase()
  return isIP(name) !== 0 || !name.includes('.') || name.endsWith('.localhost') || name === host.toLowerCase()
}
