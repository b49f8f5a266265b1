import { createRequire } from 'node:module'

/*
 * `node --import tdist/register app.js`, or `--require`. What it does stands in drop-in.ts, and is loaded only when
 * something is to be traced: a service with TDIST_DISABLED pays for this file alone. It is loaded by `require`
 * because that is done when it returns: an `import()` would let the app's first lines run untraced.
 */
if (['', '0', 'false'].includes((process.env['TDIST_DISABLED'] ?? '').trim())) {
  try {
    const dropIn = createRequire(import.meta.url)('./drop-in.js') as typeof import('./drop-in.ts')
    dropIn.install()
  } catch (error) {
    process.stderr.write(`tdist: tracing is off: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}
