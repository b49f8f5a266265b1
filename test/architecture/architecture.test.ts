import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MAY_IMPORT } from './floors.ts'
import { RULES } from './rules.ts'
import { readSources } from './sources.ts'

const sources = readSources()

/** For each rule a file to add, or to put in another's place, that breaks it: what would have to be written to do so. */
const BROKEN: Readonly<Record<keyof typeof RULES, Readonly<Record<string, string>>>> = {
  'every folder has a place in the table': { 'src/attic/trunk.ts': '' },
  'a folder imports only what stands below it': {
    'src/transports/thrift/prices.ts': `import type { KafkaMessage } from '../kafkajs/messages.ts'`,
  },
  'no file comes back to itself by what it imports': {
    'src/span/one.ts': `import type { Other } from './other.ts'`,
    'src/span/other.ts': `export type { One } from './one.ts'`,
  },
  'a library imports its own protocol, and no other': {
    'src/transports/kafkajs/calls.ts': `import { RpcClientHandler } from '../protocols/rpc.ts'`,
  },
  'a package of the service’s is named only where it is traced or used': {
    'src/transports/thrift/agent.ts': `import type { Agent } from 'undici'`,
  },
  'no other package is imported': { 'src/codec/deep.ts': `import { cloneDeep } from 'lodash'` },
  'what runs in a service takes time and luck from where they were taken early': {
    'src/publisher/nap.ts': 'export const nap = () => setTimeout(() => {}, 10)',
  },
  'no top-level await': { 'src/codec/slow.ts': `const late = await import('./json.ts')` },
  'no default export': { 'src/codec/main.ts': 'export default 1' },
  'no export of everything': { 'src/codec/all.ts': `export * from './json.ts'` },
  'no file or folder bears a name that says nothing': { 'src/codec/utils.ts': '' },
  'no file is longer than one sitting: 300 lines': { 'src/codec/long.ts': '//\n'.repeat(301) },
  'no folder has more than 15 files side by side': Object.fromEntries(
    Array.from({ length: 16 }, (_, i) => [`src/codec/part-${i}.ts`, '']),
  ),
}

describe('architecture', () => {
  for (const [rule, broken] of Object.entries(RULES)) {
    it(rule, () => assert.deepEqual(broken(sources), []))

    it(`${rule}: a violation is caught`, () => {
      const added = Object.entries(BROKEN[rule]!)
      assert.notDeepEqual(broken(new Map([...sources, ...added])), [])
    })
  }

  it('the table itself never leads back to where it came from', () => {
    const floor = (folder: string, above: readonly string[] = []): void => {
      assert.ok(!above.includes(folder), [...above, folder].join(' -> '))
      for (const below of MAY_IMPORT[folder] ?? []) floor(below, [...above, folder])
    }
    for (const folder of Object.keys(MAY_IMPORT)) floor(folder)
  })
})
