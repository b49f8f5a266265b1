import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { listen } from './listen.ts'
import { hearViews } from './views.ts'

// It answers no requests: it hears by Kafka what the shop tells.
void hearViews(process.env['KAFKA_BROKERS']!, async () => {
  await sleep(2)
}).then(() => listen(express()))
