// NestJS on Express: a controller with an injected service that calls out, and an exception
import 'reflect-metadata'
import http from 'node:http'
import { Controller, ForbiddenException, Get, Module, Param } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'

export const nodes = 'every'
export const spans = `
SERVER GET /items/:id {http.path=/items/7}
  CLIENT GET {http.path=/echo}
    ORIGIN GET /echo
SERVER GET /broken {http.path=/broken, http.status_code=403, error=403}
`
export async function run({ serve, ask, origin, tdist, tracing }) {
  const client = tdist ? tdist.traceHttpClient(tracing, http) : http
  class Items {
    async find(id) {
      const below = await new Promise((resolve) => client.get(`${origin}/echo?id=${id}`, resolve))
      return { below: (await below.toArray()).join('') }
    }
    broken() {
      throw new ForbiddenException('not for you')
    }
  }
  // What decorators do, without a compiler for them.
  const route = (name, path) =>
    Get(path)(Items.prototype, name, Object.getOwnPropertyDescriptor(Items.prototype, name))
  route('find', 'items/:id')
  route('broken', 'broken')
  Param('id')(Items.prototype, 'find', 0)
  Controller()(Items)
  class App {}
  Module({ controllers: [Items] })(App)
  const app = await NestFactory.create(App, new ExpressAdapter(), { logger: false })
  if (tdist) app.use(tdist.traceExpress(tracing))
  await app.listen(0, '127.0.0.1')
  const url = await serve(app.getHttpServer())
  for (const path of ['/items/7', '/broken']) console.log(await ask(url + path))
}
