import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noteMount, routeOf, type ExpressRequest } from '#src/transports/express/route.js'

/** A mounted router's layer as router 2.0 to 2.2 made it: it has no path, only what became of it. */
function olderLayer(pattern: RegExp) {
  const matcher = (path: string) => {
    const match = pattern.exec(path)
    if (!match) return false as const
    const params = Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)])
    return { path: match[0], params: Object.fromEntries(params) as object }
  }
  return { slash: false, matchers: [matcher] }
}

describe('the mount of a router before 2.3', () => {
  for (const [name, pattern, path, expected] of [
    ['plain', /^\/api(?=\/|$)/, '/api', '/api/x'],
    ['a parameter', /^\/users\/(?<user>[^/]+)(?=\/|$)/, '/users/12', '/users/:user/x'],
    ['two in one segment', /^\/(?<a>[^/]+)-(?<b>[^/]+)(?=\/|$)/, '/1-2', '/:a-:b/x'],
    ['a value that is a part of its path', /^\/v1\/(?<v>[^/]+)(?=\/|$)/, '/v1/1', '/v1/:v/x'],
    ['a value that came encoded', /^\/(?<name>[^/]+)(?=\/|$)/, '/a%20b', '/:name/x'],
  ] as const) {
    it(name, () => {
      const request = { baseUrl: path } as ExpressRequest
      noteMount(olderLayer(pattern), request)
      assert.equal(routeOf({ path: '/x' }, request), expected)
    })
  }

  it('that was not seen gives no name', () => {
    assert.equal(routeOf({ path: '/x' }, { baseUrl: '/users/12' } as ExpressRequest), undefined)
  })
})
