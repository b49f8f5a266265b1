// The AWS SDK's SQS and DynamoDB: signatures that the other end recomputes, a retry, a refusal
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'

export const nodes = 'every'
export const dropIn = `
CLIENT POST {http.path=/}
  ORIGIN POST /
CLIENT POST {http.path=/, http.status_code=503, error=503}
  ORIGIN POST /
CLIENT POST {http.path=/}
  ORIGIN POST /
CLIENT POST {http.path=/}
  ORIGIN POST /
CLIENT POST {http.path=/}
  ORIGIN POST /
CLIENT POST {http.path=/, http.status_code=403, error=403}
  ORIGIN POST /
`
export async function run({ origin }) {
  const options = (secret) => {
    const credentials = { accessKeyId: 'key', secretAccessKey: secret }
    return { region: 'eu-west-1', endpoint: origin, credentials }
  }
  const send = async (client, command) => {
    const { $metadata, name, MessageId, Item } = await client.send(command).catch((error) => error)
    console.log({ name, MessageId, Item, status: $metadata.httpStatusCode, attempts: $metadata.attempts })
  }
  const message = (MessageBody) => new SendMessageCommand({ QueueUrl: `${origin}/queue`, MessageBody })
  const item = new GetItemCommand({ TableName: 'papers', Key: { id: { S: '7' } } })
  const sqs = new SQSClient(options('secret'))
  const dynamo = new DynamoDBClient(options('secret'))
  await send(sqs, message('a paper'))
  await send(sqs, message('busy'))
  await Promise.all([send(dynamo, item), send(dynamo, item)])
  await send(new DynamoDBClient(options('wrong')), item)
}
