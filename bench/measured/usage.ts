/** A service that does nothing: tells what its start has cost, after whatever was imported before it. */
setImmediate(() => {
  const { user, system } = process.cpuUsage()
  process.send!({ cpuMs: (user + system) / 1000, rssMb: process.memoryUsage.rss() / 1e6 })
  process.disconnect()
})
