import type * as Http from 'node:http'
import type * as Https from 'node:https'
import type * as Net from 'node:net'

/*
 * The modules are not loaded by `import`, which reads every export: from Node 22 on to read `http.WebSocket` loads
 * Node's own copy of undici (30 ms, 15 MB), and an installed undici may then take its global dispatcher from there.
 * They are not loaded before they are needed either: https alone takes 8 ms.
 */
let http: typeof Http | undefined

/** node:http, as `require` gives it: the object whose properties a patch replaces. */
export function nodeHttp(): typeof Http {
  return (http ??= process.getBuiltinModule('node:http'))
}

/** node:https, likewise; this loads it. */
export function nodeHttps(): typeof Https {
  return process.getBuiltinModule('node:https')
}

/** node:net, likewise. */
export function nodeNet(): typeof Net {
  return process.getBuiltinModule('node:net')
}
