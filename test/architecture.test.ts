import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies?: object
  exports: Record<string, string>
  peerDependencies: Record<string, string>
  peerDependenciesMeta: Record<string, { optional?: boolean }>
  scripts: Record<string, string>
}

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replaceAll('\\', '/'))
const sources = new Map(files.map((file) => [file, readFileSync(join(root, 'src', file), 'utf8')]))
const imports = [...sources].flatMap(([file, source]) => importsOf(file, source))

/** Folder by folder: what it may import besides itself and the ground. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  context: [],
  cls: [],
  propagation: ['context'],
  codec: [],
  publisher: ['codec'],
  transports: ['context', 'propagation', 'codec', 'wiring'],
  'local-kinesis': [],
  storage: ['codec'],
  collector: ['codec', 'storage'],
  viewer: ['codec', 'storage', 'collector'],
  commands: ['codec', 'storage', 'collector', 'viewer', 'local-kinesis', 'demo'],
  demo: [],
}
/** Import nothing of ours but each other. */
const GROUND = [
  'clock.ts',
  'timers.ts',
  'ids.ts',
  'log.ts',
  'tags.ts',
  'process-state.ts',
  'held.ts',
  'node-realm.ts',
  'shared-hook.ts',
  'patch.ts',
  'faults.ts',
]
/** The half that runs beside others has no fake time to fear. */
const RECEIVES = /^(cli\.ts|(collector|commands|demo|local-kinesis|storage|viewer)\/)/
/** What fakes of time replace, and `Math.random`. */
const FAKED =
  /(?<![.\w#])(setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|clearImmediate|queueMicrotask|performance|process\.(hrtime|nextTick)|Date\.now|new Date|AbortSignal\.timeout|Math\.random)\b|node:(timers|perf_hooks)/
/** One file a library: these know their protocol, and no other library. */
const PROTOCOLS = ['http.ts', 'rpc.ts', 'messaging.ts', 'patch.ts', 'instrumentation.ts']

describe('architecture', () => {
  it('every folder has a rule', () => {
    const folders = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]!))
    for (const folder of folders) assert.ok(folder in MAY_IMPORT, `src/${folder} has no rule`)
  })

  it('a folder imports what lies below it, and the two halves meet only at codec and span', () => {
    const wrong = imports.filter(({ from, to, typeOnly }) => {
      const folder = folderOf(from)
      if (folder === undefined || !to.startsWith('src/')) return false
      const target = to.slice('src/'.length)
      const below = folderOf(target)
      if (below === folder || GROUND.includes(target)) return false
      if (below === undefined) return !typeOnly && !MAY_IMPORT[folder]!.includes('wiring')
      return !MAY_IMPORT[folder]!.includes(below)
    })
    assert.deepEqual(wrong.map(arrow), [])
  })

  it('the ground imports nothing of ours', () => {
    const wrong = imports.filter(
      ({ from, to, typeOnly }) =>
        GROUND.includes(from) && to.startsWith('src/') && !typeOnly && !GROUND.includes(to.slice(4)),
    )
    assert.deepEqual(wrong.map(arrow), [])
  })

  it('what runs in a service takes time and luck from where they were taken early', () => {
    const wrong = [...sources]
      .filter(([file]) => !RECEIVES.test(file) && file !== 'clock.ts' && file !== 'timers.ts')
      .flatMap(([file, source]) => {
        const code = source.replace(/\/\*[^]*?\*\/|\/\/.*/g, '')
        const found = FAKED.exec(code)
        return found ? [`src/${file}: ${found[0]}`] : []
      })
    assert.deepEqual(wrong, [])
  })

  it('a library file imports its protocol, never another library', () => {
    const libraries = new Set(
      Object.values(manifest.exports)
        .map((file) => /^\.\/dist\/transports\/(.+)\.js$/.exec(file)?.[1])
        .filter((name) => name !== undefined),
    )
    const wrong = imports.filter(({ from, to }) => {
      const target = /^src\/transports\/(.+)\.ts$/.exec(to)?.[1]
      if (!from.startsWith('transports/') || target === undefined || !libraries.has(target)) return false
      return !PROTOCOLS.includes(`${target}.ts`)
    })
    assert.deepEqual(wrong.map(arrow), [])
  })

  it('a library is named only by the files of its own subpath', () => {
    const peers = Object.keys(manifest.peerDependencies)
    const wrong = imports.filter(({ from, to }) => {
      if (!peers.some((peer) => to === peer || to.startsWith(`${peer}/`))) return false
      return !/^(transports|publisher|collector|demo)\//.test(from)
    })
    assert.deepEqual(wrong.map(arrow), [])
  })

  it('has no runtime dependency, and only optional peers', () => {
    assert.equal(manifest.dependencies, undefined)
    const peers = Object.keys(manifest.peerDependencies)
    assert.deepEqual(
      peers.filter((peer) => !manifest.peerDependenciesMeta[peer]?.optional),
      [],
    )
    const known = new Set(peers)
    const wrong = imports.filter(
      ({ to, typeOnly }) =>
        !typeOnly &&
        !to.startsWith('src/') &&
        !to.startsWith('node:') &&
        !known.has(to) &&
        !known.has(to.split('/')[0]!),
    )
    assert.deepEqual(wrong.map(arrow), [])
  })

  it('has no top-level await, no default export, no export of everything', () => {
    for (const [file, source] of sources) {
      assert.doesNotMatch(
        source,
        /^(export (const|let) .*|const .*|let .*)?= await |^await |^for await /m,
        file,
      )
      assert.doesNotMatch(source, /^export default |^export \* /m, file)
    }
  })

  it('no file bears a name that says nothing', () => {
    const empty = files.filter((file) =>
      /(^|\/)(utils?|common|helpers?|types|constants|misc)(\.ts|\/)/.test(file),
    )
    assert.deepEqual(empty, [])
  })

  it('no file is longer than one sitting', () => {
    const long = [...sources].filter(([, source]) => source.split('\n').length > 300).map(([file]) => file)
    assert.deepEqual(long, [])
  })

  for (const [entry, file] of Object.entries(manifest.exports)) {
    if (file.endsWith('.json')) continue
    const specifier = `tdist${entry.slice(1)}`
    it(`${specifier} loads with require and import, as one instance, and says nothing`, () => {
      assert.ok(existsSync(join(root, file)), `${file} is built`)
      const script = `
        const required = require('${specifier}')
        import('${specifier}').then((imported) => {
          const same = Object.keys(required).every((name) => required[name] === imported[name])
          console.log(same ? 'one instance' : 'two instances')
        })`
      const env = { ...process.env, TDIST_SERVICE_NAME: 'test', TDIST_SENDER: 'none', NODE_OPTIONS: '' }
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=commonjs', '-e', script], {
        cwd: root,
        env,
        encoding: 'utf8',
      })
      assert.deepEqual({ stdout, stderr }, { stdout: 'one instance\n', stderr: '' })
    })
  }
})

function importsOf(file: string, source: string): Import[] {
  const found: Import[] = []
  const pattern =
    /^(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm
  for (const [, type, from, bare, lazy] of source.matchAll(pattern)) {
    const to = (from ?? bare ?? lazy)!
    const typeOnly = type !== undefined || (lazy !== undefined && source.includes(`typeof import('${lazy}')`))
    const target = to.startsWith('.')
      ? relative(root, join(root, 'src', dirname(file), to)).replaceAll('\\', '/')
      : to
    found.push({ from: file, to: target, typeOnly })
  }
  return found
}

function folderOf(file: string): string | undefined {
  return file.includes('/') ? file.split('/')[0] : undefined
}

function arrow({ from, to }: Import): string {
  return `src/${from} -> ${to}`
}
