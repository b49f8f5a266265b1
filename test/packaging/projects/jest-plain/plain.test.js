const subpaths = Object.keys(require('tdist/package.json').exports).filter(
  (subpath) => subpath !== './package.json' && subpath !== './register',
)

test.each(subpaths)('require of %s', (subpath) => {
  require(`tdist${subpath.slice(1)}`)
})

test('a traced call is a span', async () => {
  const { currentTracing, traced } = require('tdist')
  const { createTestTracing } = require('tdist/testing')
  const { tracing, take, assertClean } = createTestTracing()
  expect(currentTracing()).toBe(tracing)
  class Cart {
    total() {
      return 7
    }
  }
  const total = Object.getOwnPropertyDescriptor(Cart.prototype, 'total')
  Object.defineProperty(Cart.prototype, 'total', traced('total')(Cart.prototype, 'total', total) ?? total)
  expect(new Cart().total()).toBe(7)
  expect(await take(1)).toMatchObject([{ name: 'total' }])
  assertClean()
})
