// A NestJS microservice that consumes one topic and produces to another, by Kafka clients that NestJS makes itself.
// Arguments: the brokers, the topic to take from, the topic to send to, the folder NestJS is installed in.
import { createRequire } from 'node:module'

const [, , brokers, from, to, folder] = process.argv
const require = createRequire(`${folder}/`)
require('reflect-metadata')
const { Controller, Module } = require('@nestjs/common')
const { NestFactory } = require('@nestjs/core')
const { ClientKafka, EventPattern, Transport } = require('@nestjs/microservices')
const { lastValueFrom } = require('rxjs')

const client = { clientId: 'nest', brokers: brokers.split(','), logLevel: 0 }
const sender = new ClientKafka({ client, producerOnlyMode: true })
let forwarded
const done = new Promise((resolve) => (forwarded = resolve))

class Forward {
  async take(data) {
    await lastValueFrom(sender.emit(to, { key: data.id, value: `${data.text}, forwarded` }))
  }
  end(text) {
    forwarded(text)
  }
}

// What decorators do, without a compiler for them.
const decorate = (decorator, name) =>
  decorator(Forward.prototype, name, Object.getOwnPropertyDescriptor(Forward.prototype, name))
decorate(EventPattern(from), 'take')
decorate(EventPattern(to), 'end')
Controller()(Forward)
class App {}
Module({ controllers: [Forward] })(App)

const service = await NestFactory.createMicroservice(App, {
  transport: Transport.KAFKA,
  logger: ['error'],
  options: { client, consumer: { groupId: from }, subscribe: { fromBeginning: true } },
})
await service.listen()
await sender.connect()
await lastValueFrom(sender.emit(from, { key: 'k', value: { id: '7', text: 'hello' } }))
console.log(await done)
await sender.close()
await service.close()
