// A function that is frozen as soon as it has answered, as AWS Lambda's are: it flushes before. The spans are printed.
//
//   npm ci && npm run build && node examples/lambda.mjs
import { pathToFileURL } from 'node:url'
import { consoleSender, createTracing } from 'tdist'

// Outside the handler, so that one tracing serves every call of this instance.
const tracing = createTracing({ serviceName: 'thumbnails', sender: consoleSender() })
const { tracer } = tracing

export async function handler(event) {
  try {
    return await tracer.trace('thumbnail', { tags: { key: event.key } }, async (span) => {
      if (!event.key.endsWith('.png')) throw new Error(`${event.key} is no picture`)
      span.tag('bytes', 4096)
      return { key: `small/${event.key}` }
    })
  } finally {
    await tracing.flush(500)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(await handler({ key: 'cat.png' }))
  // The error is the caller's as it was thrown; the span has it too.
  await handler({ key: 'notes.txt' }).catch((error) => console.log(`refused: ${error.message}`))
}
