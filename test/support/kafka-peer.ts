import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { ZipkinSpan } from 'tdist'

/**
 * A service that produces and consumes, traced by another library. Commands: `send TOPIC VALUE SAMPLED` sends in a span
 * of its own, `forward FROM TO COUNT` sends on so many messages, each in the span of its own.
 */
export interface KafkaPeer {
  /** Runs a command; resolves to the spans that were finished meanwhile. */
  run(command: string): Promise<ZipkinSpan[]>
  stop(): Promise<void>
}

/** Starts a program that takes commands, a line each, and says spans as lines of JSON, `ready` and `done`. */
export async function startKafkaPeer([file, ...args]: readonly [string, ...string[]]): Promise<KafkaPeer> {
  // It ends with its input, and so with this process.
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', (chunk) => (complaints = `${complaints}${chunk}`.slice(-4000)))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const until = async (end: string): Promise<string[]> => {
    const said: string[] = []
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 60_000)
    for (;;) {
      const { value, done } = await lines.next()
      if (done) throw new Error(`the peer ended: ${complaints}`)
      if (value === end) break
      said.push(value)
    }
    clearTimeout(tooLong)
    return said
  }
  await until('ready')
  return {
    async run(command) {
      child.stdin.write(`${command}\n`)
      return (await until('done')).map((line) => JSON.parse(line) as ZipkinSpan)
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
