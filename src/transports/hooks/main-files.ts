/** How the path of a CommonJS library's main file ends, with slashes; by the library's npm name. */
export const MAIN_FILES = {
  kafkajs: ['/kafkajs/index.js'],
  pg: ['/pg/lib/index.js', '/pg-pool/index.js'],
  thrift: ['/lib/nodejs/lib/thrift/index.js'],
} as const
