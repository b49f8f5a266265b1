import { before, changesSince } from './snapshot.ts'

/** Tells what changed between the import of the snapshot and now, with the tracer's import between. */
setImmediate(() => {
  process.send!({ changed: changesSince(before) })
  process.disconnect()
})
