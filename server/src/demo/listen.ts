import type { AddressInfo } from 'node:net'
import type { Express } from 'express'

/** Serves on this machine alone. Tells the parent process the URL and what is in `other`, and ends when the parent does. */
export function listen(app: Express, other: object = {}): void {
  const server = app.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    process.send?.({ url: `http://127.0.0.1:${port}`, ...other })
  })
  process.on('disconnect', () => process.exit())
  if (!process.connected) process.exit()
}
