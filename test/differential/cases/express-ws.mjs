// express-ws: a WebSocket's request ends with its 101, and the socket goes on
import { once } from 'node:events'
import express from 'express4'
import expressWs from 'express-ws'
import { WebSocket } from 'ws'

export const nodes = 'every'
export const dropIn = `
CLIENT GET {http.path=/chat, http.status_code=101}
  SERVER GET {http.path=/chat, http.status_code=101}
LOCAL said
`
export const byHand = `
SERVER GET /chat/.websocket {http.status_code=101, http.route}
LOCAL said
`
export async function run({ serve, tdist, tracing }) {
  const app = express()
  const server = await import('node:http').then(({ createServer }) => createServer(app))
  if (tdist) app.use(tdist.traceExpress(tracing))
  expressWs(app, server)
  const local = tracing ?? (await import('tdist')).currentTracing()
  app.ws('/chat', (socket) => {
    socket.on('message', (text) => {
      // The request's own span has ended when the first message comes.
      local?.dataManager.run(undefined, () => local.tracer.trace('said', () => {}))
      socket.send(`heard ${text}`)
    })
  })
  const socket = new WebSocket(`${(await serve(server)).replace('http', 'ws')}/chat`)
  await once(socket, 'open')
  socket.send('this')
  console.log(String((await once(socket, 'message'))[0]))
  socket.close()
  console.log(...(await once(socket, 'close')).map(String))
}
