import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cached } from './java-server.ts'

/** What this machine's compiler makes of our interface, in this flavour; `skip` says why it can't be had here. */
export async function generateJs(flavour: string): Promise<{ folder: string; skip: string | false }> {
  try {
    const idl = fileURLToPath(new URL('../../../test/thrift/service.thrift', import.meta.url))
    const fill = async (into: string): Promise<void> => {
      await promisify(execFile)('thrift', ['--gen', flavour, '-out', into, idl])
      writeFileSync(`${into}/package.json`, '{ "type": "commonjs" }')
    }
    return { folder: await cached(`thrift-npm/${flavour.replace(':', '-')}`, fill, ['thrift']), skip: false }
  } catch (error) {
    if (process.env['CI']) throw error
    return { folder: '', skip: 'needs thrift-compiler' }
  }
}
