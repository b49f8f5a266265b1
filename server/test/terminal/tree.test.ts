import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import widthOf from 'string-width'
import type { ZipkinSpan } from '#src/codec/zipkin-span.js'
import { traceTree } from '#server/traces/trace-tree.js'
import { durationText, fit, pad, terminalOf, type Terminal } from '#server/terminal/terminal.js'
import { terminalTree } from '#server/terminal/tree.js'
import { call, span, START, TRACE_ID } from '../../../test/support/trace-spans.js'

const plain: Terminal = { columns: 110, unicode: true, colour: false }

const cart: ZipkinSpan[] = [
  span(1, undefined, 'shop', 'GET /cart/:user', 0, 48_200, { kind: 'SERVER' }),
  ...call(2, 1, ['shop', 'catalog'], 'GET /carts/:user', 1200, 9100),
  ...call(3, 2, ['catalog', 'pricing'], 'GET /currencies', 2600, 3100),
  ...Array.from({ length: 8 }, (_, i) =>
    call(10 + i, 1, ['shop', 'pricing'], 'GET /prices/:sku', 11_000 + i * 3000, 2800),
  ).flat(),
  span(4, 1, 'shop', 'render', 36_000, 700),
  ...call(5, 1, ['shop', 'pricing'], 'GET /discounts/:code', 37_000, 8000, {
    client: { 'http.status_code': '503', error: '503' },
    server: { 'http.status_code': '503', error: 'no table of discounts' },
  }),
  span(6, 1, 'shop', 'POST', 45_100, 2300, {
    kind: 'CLIENT',
    remoteEndpoint: { ipv4: '10.0.0.7', port: 443 },
    tags: { error: 'connect ECONNREFUSED 10.0.0.7:443' },
  }),
]

function print(spans: ZipkinSpan[], terminal: Partial<Terminal> = {}, note?: string): string {
  return terminalTree(traceTree(spans), { ...plain, ...terminal }, note)
}

describe('terminalTree', () => {
  it('prints a trace as a tree with both durations, bars, errors and repeated calls in one line', () => {
    assert.equal(
      print(cart),
      `
trace 463ac35c9f6413ad48485a3953bb6124 · 48.2 ms · 3 services · 25 spans · 2 errors
                                                                    took    server  0                  48.2 ms
shop GET /cart/:user                                             48.2 ms            ██████████████████████████
├─ catalog GET /carts/:user                                      9.10 ms   8.30 ms  ██████
│  └─ pricing GET /currencies                                    3.10 ms   2.30 ms   ██░
├─ pricing ×8 GET /prices/:sku, 22.4 ms total: N+1, one by one  ~2.80 ms  ~2.00 ms       ░█████████████
├─ render                                                         700 µs                               █
├─ pricing GET /discounts/:code 503                              8.00 ms   7.20 ms                     ░█████
│    no table of discounts
└─ → 10.0.0.7:443 POST                                           2.30 ms                                    ██
     connect ECONNREFUSED 10.0.0.7:443
`.trimStart(),
    )
  })

  it('prints the same in ASCII, and narrower', () => {
    assert.equal(
      print(cart, { columns: 80, unicode: false }),
      `
trace 463ac35c9f6413ad48485a3953bb6124 | 48.2 ms | 3 services | 25 spans | 2 errors
                                              took    server  0          48.2 ms
shop GET /cart/:user                       48.2 ms            ##################
|- catalog GET /carts/:user                9.10 ms   8.30 ms  ####
|  \`- pricing GET /currencies              3.10 ms   2.30 ms  -#-
|- pricing x8 GET..., 22.4 ms total: N+1  ~2.80 ms  ~2.00 ms      #########
|- render                                   700 us                         #
|- pricing GET /discounts/:code 503        8.00 ms   7.20 ms               ####
|    no table of discounts
\`- -> 10.0.0.7:443 POST                    2.30 ms                            ##
     connect ECONNREFUSED 10.0.0.7:443
`.trimStart(),
    )
  })

  it('colours errors red, only where there are colours', () => {
    const coloured = print(cart, { colour: true })
    assert.ok(coloured.includes('\x1b[31mno table of discounts\x1b[39m'))
    assert.ok(coloured.includes('\x1b[31m2 errors\x1b[39m'))
    assert.equal(stripVTControlCharacters(coloured).replace(/ +$/gm, ''), print(cart))
  })

  it('stays within its columns', () => {
    const long = 'x'.repeat(300)
    const spans = [
      ...cart,
      span(70, 1, long, `GET /${long}`, 1, 1, {
        kind: 'SERVER',
        tags: { error: long, 'http.status_code': long },
      }),
      ...Array.from({ length: 30 }, (_, i) => span(100 + i, 99 + i, '店', `店${i}`, i, 1)),
    ]
    for (const columns of [60, 80, 99, 110, 200]) {
      const [, ...lines] = print(spans, { columns }).split('\n')
      for (const line of lines) assert.ok(widthOf(line) <= Math.min(columns, 110), `${columns}: ${line}`)
    }
  })

  it('folds siblings that follow one another and look alike, with what is beneath them', () => {
    const items = Array.from({ length: 3 }, (_, i) => [
      ...call(10 + i, 1, ['shop', 'catalog'], 'GET /items/:id', i * 5000, 4000),
      ...call(20 + i, 10 + i, ['catalog', 'pricing'], 'GET /prices/:sku', i * 5000 + 1000, 2000),
    ]).flat()
    const lines = print([cart[0]!, ...items]).split('\n')
    assert.match(lines[3]!, /^└─ catalog ×3 GET \/items\/:id, 12.0 ms total +~4.00 ms +~3.20 ms /)
    assert.match(lines[4]!, /^ {3}└─ pricing ×3 GET \/prices\/:sku, 6.00 ms total +~2.00 ms +~1.20 ms /)
    assert.equal(lines.length, 6)
  })

  const calls = (count: number, gap: number, more?: { client: Record<string, string> }): string =>
    print([
      cart[0]!,
      ...Array.from({ length: count }, (_, i) =>
        call(10 + i, 1, ['shop', 'pricing'], 'GET /price', i * gap, 2000, i === 2 ? more : undefined),
      ).flat(),
    ])

  it('says N+1 of five calls or more, one after another', () => {
    assert.match(calls(5, 2000), /×5 GET \/price, 10.0 ms total: N\+1/)
    assert.doesNotMatch(calls(4, 2000), /N\+1/)
  })

  it('does not say N+1 of calls made at the same time', () => {
    assert.match(calls(5, 1000), /×5 GET \/price, 10.0 ms total +~/)
  })

  it('does not fold a call that failed with those that did not', () => {
    const text = calls(5, 2000, { client: { error: 'refused' } })
    assert.equal(text.match(/×2 GET/g)?.length, 2)
    assert.match(text, /pricing GET \/price +2.00 ms/)
  })

  it('says what is missing', () => {
    const text = print(cart.slice(3))
    assert.match(text, /· not seen: root, 2 parents\n/)
    assert.match(text, /\n\(root not seen\)\n/)
    assert.match(text, /pricing GET \/currencies \(parent not seen\)/)
    assert.match(text, /\nnot seen: 0000000000000002, 0000000000000001\n$/)
    assert.match(print([cart[0]!, cart[2]!]), /1 caller\n[^]*GET \/carts\/:user \(caller not seen\)/)
    assert.match(print([cart[0]!, { ...cart[0]!, id: 'f'.repeat(16) }]), /more than one root/)
    assert.match(print(cart, {}, 'late'), /2 errors · late\n/)
  })

  it('shows nothing that a terminal would obey', () => {
    const name = 'GET \x1b[2J\x9b1m\n\r\u202efoo'
    const text = print([
      {
        ...cart[0]!,
        name,
        localEndpoint: { serviceName: `s\x07` },
        tags: { error: name, 'http.status_code': '\x1b]0;' },
      },
    ])
    assert.doesNotMatch(text, /[^\P{C}\n]/u)
  })

  it('shows spans that say next to nothing', () => {
    assert.equal(
      print([{ traceId: TRACE_ID, id: '1'.repeat(16) }]),
      `trace ${TRACE_ID} · 0 services · 1 span\n               took\n(no name)\n`,
    )
    const text = print([
      { traceId: TRACE_ID, id: '1'.repeat(16), kind: 'CLIENT', timestamp: START, duration: 5 },
    ])
    assert.match(text, /→ +\(no name\) +5 µs/)
  })

  it('prints deep and wide traces as far as makes sense', () => {
    const deep = Array.from({ length: 10_000 }, (_, i) =>
      span(i + 1, i || undefined, 'shop', `level ${i}`, i, 1),
    )
    const text = print(deep)
    assert.match(text, /\n⋯ 13 deep └─ level 13 /)
    assert.match(text, /\n {3}and 9,800 more spans\n$/)
    const wide = Array.from({ length: 50_000 }, (_, i) => span(i + 2, 1, 'shop', `child ${i}`, i, 1))
    assert.match(print([cart[0]!, ...wide]), /\n {3}and 49,801 more spans\n$/)
  })
})

describe('durationText', () => {
  const cases: [number, string][] = [
    [0, '0 µs'],
    [999, '999 µs'],
    [1000, '1.00 ms'],
    [9994, '9.99 ms'],
    [9996, '10.0 ms'],
    [99_960, '100 ms'],
    [999_499, '999 ms'],
    [999_600, '1.00 s'],
    [59_990_000, '60.0 s'],
    [60_000_000, '1 m 00 s'],
    [3_599_000_000, '59 m 59 s'],
    [3_661_000_000, '1 h 01 m'],
  ]
  for (const [micros, text] of cases) {
    it(`${micros} is ${text}`, () => assert.equal(durationText(micros, plain), text))
  }
})

describe('fit and pad', () => {
  it('count columns as a terminal does', () => {
    // An accent of its own takes no column, and a wide letter two.
    assert.equal(pad('e\u0301', 3), 'e\u0301  ')
    assert.equal(pad('店', 3), '店 ')
    assert.equal(pad('👍🏽', 3), '👍🏽 ')
  })

  it('cut no letter in two', () => {
    const accents = 'e\u0301'.repeat(6)
    assert.equal(fit(plain, accents, 6), accents)
    assert.equal(fit(plain, accents, 5), `${'e\u0301'.repeat(4)}…`)
    assert.equal(fit(plain, '店店店', 5), '店店…')
    assert.equal(fit(plain, '店店店', 4), '店…')
  })
})

describe('terminalOf', () => {
  it('has colours on a TTY, unless NO_COLOR or a dumb terminal says otherwise', () => {
    assert.equal(terminalOf({ isTTY: true }, {}).colour, true)
    assert.equal(terminalOf({ isTTY: true }, { NO_COLOR: '1' }).colour, false)
    assert.equal(terminalOf({ isTTY: true }, { TERM: 'dumb' }).colour, false)
    assert.equal(terminalOf({}, {}).colour, false)
  })

  it('has Unicode where the locale says UTF-8, the first that is set', () => {
    assert.equal(terminalOf({}, { LANG: 'en_GB.UTF-8' }).unicode, true)
    assert.equal(terminalOf({}, { LANG: 'en_GB.UTF-8', LC_ALL: 'C' }).unicode, false)
    assert.equal(terminalOf({}, { LC_CTYPE: 'C.utf8' }).unicode, true)
    assert.equal(terminalOf({}, {}).unicode, false)
  })
})
