// multer: an upload of a file and a field, and one that is too large; work after it is below its request
import express from 'express'
import multer from 'multer'

export const nodes = 'every'
export const spans = `
SERVER POST /upload {http.path=/upload}
  CLIENT POST
    ORIGIN POST /echo
SERVER POST /upload {http.path=/upload, http.status_code=413, error}
`
export async function run({ serve, ask, origin, tdist, tracing }) {
  const call = tdist ? tdist.traceFetch(tracing, fetch) : fetch
  const app = express()
  if (tdist) app.use(tdist.traceExpress(tracing))
  const upload = multer({ storage: multer.memoryStorage(), limits: { fileSize: 1000 } })
  app.post('/upload', upload.single('paper'), async ({ file, body }, res) => {
    const below = await call(`${origin}/echo`, { method: 'POST', body: file.buffer })
    const { buffer, ...described } = file
    res.json({ ...described, text: String(buffer), body, below: (await below.json()).body })
  })
  app.use((error, _req, res, _next) => res.status(413).send(error.code))
  const url = await serve(app)
  for (const size of [10, 2000]) {
    const part = (name, more, text) =>
      `--cut\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${text}\r\n`
    const file = part('paper', '; filename="a.txt"\r\nContent-Type: text/plain', 'x'.repeat(size))
    const body = `${part('kind', '', 'daily')}${file}--cut--\r\n`
    const headers = { 'Content-Type': 'multipart/form-data; boundary=cut' }
    console.log(await ask(`${url}/upload`, { method: 'POST', headers, body }))
  }
}
