import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Ports of loopback that were free just now, each another one. None is of the range that systems take those of outgoing
 * connections and of servers from: another test would have it before whoever it is for, or where nobody is to listen.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = randomInt(10_000, 32_000)
    if (!ports.includes(port) && (await isFree(port))) ports.push(port)
  }
  return ports
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
