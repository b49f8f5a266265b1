import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { listen } from './listen.ts'
import { hearViews } from './views.ts'

// This service answers no requests. It hears from the shop by Kafka.
void hearViews(process.env['KAFKA_BROKERS']!, async () => {
  await sleep(2)
}).then(() => listen(express()))
