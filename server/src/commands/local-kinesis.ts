import { once } from 'node:events'
import { type Command, InvalidArgumentError } from 'commander'
import { startLocalKinesis } from '../local-kinesis/local-kinesis.ts'
import { STREAM_NAME } from '../local-kinesis/stream/stream.ts'
import { stopOnSignal } from './stop-signal.ts'
import { UsageError, wholeNumber } from './usage.ts'

interface LocalKinesisOptions {
  readonly port: number
  readonly stream: readonly string[]
  readonly shards: number
}

const MORE = `
It listens on 127.0.0.1 alone and takes any credentials. Its records are kept in
memory, and are gone when it ends. Ctrl-C ends it.`

/** Adds the command `local-kinesis`: the embedded Kinesis, by itself. */
export function localKinesis(program: Command): void {
  program
    .command('local-kinesis')
    .description('Runs a Kinesis on this machine, for development and tests.')
    .option('--port <n>', 'the port to listen on; 0 is any free one', wholeNumber(0, 65_535), 4567)
    .option('--stream <name>', 'a stream to have from the beginning; may be given several times', streams, [])
    .option('--shards <n>', 'how many shards each stream has', wholeNumber(1, 10_000), 1)
    .addHelpText('after', MORE)
    .action(run)
}

function streams(value: string, before: readonly string[]): readonly string[] {
  if (STREAM_NAME.test(value)) return [...before, value]
  throw new InvalidArgumentError('give 1 to 128 letters, digits, dots, dashes and underscores')
}

async function run({ port, stream, shards }: LocalKinesisOptions): Promise<void> {
  const { stop, release } = stopOnSignal()
  const kinesis = await startLocalKinesis({
    port,
    streams: Object.fromEntries(stream.map((name) => [name, shards])),
  }).catch((error: NodeJS.ErrnoException) => {
    release()
    if (error.code !== 'EADDRINUSE') throw error
    throw new UsageError(`--port ${port} is in use; give another, or 0 for any free one`)
  })
  process.stdout.write(
    `Kinesis is at ${kinesis.endpoint}${stream.length > 0 ? `, with ${stream.join(', ')}` : ''}. ` +
      `A service finds it by TDIST_KINESIS_ENDPOINT=${kinesis.endpoint}.\n`,
  )
  if (!stop.signal.aborted) await once(stop.signal, 'abort')
  await kinesis.close()
  release()
}
