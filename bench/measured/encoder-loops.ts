import { proto3Encoder } from '#src/codec/proto3.js'
import type { ZipkinSpan } from 'tdist'
import { createTestTracing } from 'tdist/testing'
import { answerLoops } from './loops.ts'
import { internals } from './internals.ts'

// Spans as the tracer makes them, and many, so that no loop has its one span by heart.
const spans: ZipkinSpan[] = []
const { tracing } = createTestTracing({
  serviceName: 'shop',
  spanHandler: {
    end(data) {
      spans.push(data)
      return false
    },
  },
})
for (let i = 0; i < 1000; i++) {
  const span = internals(tracing).tracer.newTrace('SERVER')
  span.name('GET /items/:id').remote({ ipv4: '10.0.0.9', port: 49_152 + i })
  span.tag('http.method', 'GET').tag('http.path', `/items/${i}`)
  span.tag('http.route', '/items/:id').tag('http.status_code', 404)
  span.finish()
}

const target = Buffer.alloc(51_200)
let length = 0

answerLoops({
  proto3: {
    run(times) {
      for (let i = 0; i < times; i++) {
        length = proto3Encoder.write(target, 0, target.length, spans[i % spans.length]!, true)
      }
    },
    settle() {
      if (length <= 0) throw new Error('the span was not encoded')
    },
  },
  json: {
    run(times) {
      for (let i = 0; i < times; i++) length = JSON.stringify(spans[i % spans.length]).length
    },
  },
})
