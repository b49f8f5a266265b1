import { parentPort, workerData } from 'node:worker_threads'
import { loadKinesisSdk } from '../../kinesis/sdk.ts'
import type { Order, SharedStart } from './messages.ts'
import { SharedDelivery } from './shared-delivery.ts'

const start = workerData as SharedStart
const port = parentPort!
const delivery = new SharedDelivery(start, (report) => port.postMessage(report))

void prepare().then(() => {
  port.on('message', (order: Order) => {
    const obeyed = delivery.obey(order)
    if (order.order === 'close') void obeyed.finally(() => process.exit(0))
  })
  delivery.begin()
})

/** Loads what the first call would, so that a process that ends does not wait for it. */
async function prepare(): Promise<void> {
  if (start.recipe.kind !== 'kinesis') return
  // The first call says what is wrong.
  await loadKinesisSdk('tdist/kinesis').catch(() => {})
}
