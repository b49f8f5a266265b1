const { serve } = require('./serve.cjs')

void serve({
  ...require('tdist'),
  ...require('tdist/express'),
  ...require('tdist/kafkajs'),
  ...require('tdist/kinesis'),
})
