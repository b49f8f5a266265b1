// A reporter for node:test: the files in which a test failed, one a line.
import { relative } from 'node:path'

export default async function* failedFiles(events) {
  const files = new Set()
  // A file that could not be run at all is itself the test that failed, and bears its path as its name.
  for await (const { type, data } of events) if (type === 'test:fail') files.add(data.file ?? data.name)
  for (const file of files) yield `${relative(process.cwd(), file)}\n`
}
