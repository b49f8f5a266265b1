/*
 * `node --import tdist/register app.js`, or `--require`. What it does stands in drop-in.ts, and is loaded only when
 * something is to be traced: a service with TDIST_DISABLED pays for this file alone. CommonJS, because that loads the
 * rest before it returns, which an `import()` does not, and spares what loading `node:module` costs, 5 ms on Node 24: it
 * is every module's constructor.
 */
if (['', '0', 'false'].includes((process.env['TDIST_DISABLED'] ?? '').trim())) {
  try {
    const { install } = require('./bundles/service.cjs') as typeof import('./drop-in.ts')
    install(module.constructor as typeof import('node:module'))
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    process.stderr.write(`tdist: tracing is off: ${said.replace(/^tdist: /, '')}\n`)
  }
}
