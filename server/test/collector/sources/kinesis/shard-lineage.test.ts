import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ShardLineage } from '#server/collector/sources/kinesis/shard-lineage.js'

it('a shard is ready when those it came from are read or no longer kept, and once', () => {
  const lineage = new ShardLineage()
  const merged = { shardId: 'merged', parentIds: ['left', 'right'] }
  lineage.add([merged, { shardId: 'left', parentIds: ['long gone'] }, { shardId: 'right', parentIds: [] }])
  assert.deepEqual(lineage.takeReady(), ['left', 'right'])
  assert.deepEqual(lineage.takeReady(), [])
  lineage.finish('left')
  assert.deepEqual(lineage.takeReady(), [])
  lineage.finish('right')
  assert.deepEqual(lineage.takeReady(), ['merged'])
  lineage.add([merged])
  assert.deepEqual(lineage.takeReady(), [])
})
