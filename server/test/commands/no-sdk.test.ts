import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const server = fileURLToPath(new URL('../../../../server/', import.meta.url))
/** What the commands are loaded with. */
const PACKAGES = ['commander', 'string-width', '@smithy/eventstream-codec']

test('tdist-server collect without the AWS SDK is one line that says what to install', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tdist-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const part of ['dist', 'package.json'])
    cpSync(join(server, part), join(folder, part), { recursive: true })
  for (const name of PACKAGES) {
    const target = join(folder, 'node_modules', name)
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(realpathSync(installed(name)), target, 'junction')
  }
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(folder, 'dist/cli.js'), 'collect', '--stream', 'spans'],
    { encoding: 'utf8' },
  )
  const line = 'tdist-server: reading a stream needs @aws-sdk/client-kinesis: npm install it\n'
  assert.deepEqual({ status, stdout, stderr }, { status: 1, stdout: '', stderr: line })
})

/** Where a package of the server's is: beside it, or at the repository's top. */
function installed(name: string): string {
  for (const folder of [server, join(server, '..')]) {
    try {
      return realpathSync(join(folder, 'node_modules', name))
    } catch {
      // The next one.
    }
  }
  throw new Error(`${name} is not installed`)
}
