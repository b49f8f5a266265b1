import { ownRequire } from '../host/own-files.ts'
import { express } from './express/express.ts'
import { instrumentation, type Instrumentation } from './hooks/instrumentation.ts'
import { MAIN_FILES } from './hooks/main-files.ts'
import { uninstallAll, type Uninstall } from '../host/patch.ts'
import { whenLoaded } from './hooks/when-loaded.ts'
import { nodeHttpClient } from './node-http/client.ts'
import { nodeHttpServer } from './node-http/server.ts'
import { undici } from './undici/channels.ts'

/** Every library that the drop-in traces, one row for each. */
export const LIBRARIES: readonly Instrumentation[] = [
  nodeHttpServer,
  nodeHttpClient,
  express,
  undici,
  late('kafkajs', () => (ownRequire('transports/kafkajs/kafkajs') as Kafkajs).kafkajs),
  late('thrift', () => (ownRequire('transports/thrift/thrift') as Thrift).thrift),
  late('pg', () => (ownRequire('transports/pg/pg') as Pg).pg),
]

type Kafkajs = typeof import('./kafkajs/kafkajs.ts')
type Thrift = typeof import('./thrift/thrift.ts')
type Pg = typeof import('./pg/pg.ts')

/** A library whose instrumentation is loaded when the library is: most services have none of these. */
function late(module: keyof typeof MAIN_FILES, load: () => Instrumentation): Instrumentation {
  return instrumentation(module, (tracing) => {
    let undo: Uninstall | undefined
    const seen = (): Uninstall => {
      undo ??= load().install(tracing)
      return () => {}
    }
    const unwatch = uninstallAll(MAIN_FILES[module].map((file) => whenLoaded(file, seen)))
    return () => {
      unwatch()
      undo?.()
    }
  })
}
