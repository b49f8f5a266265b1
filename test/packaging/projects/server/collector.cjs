const assert = require('node:assert/strict')
const required = require('tdist-server/collector')

import('tdist-server/collector').then((imported) => {
  assert.notDeepEqual(Object.keys(required), [])
  for (const name in required) assert.equal(required[name], imported[name], name)
})
