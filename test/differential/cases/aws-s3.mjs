// The AWS SDK's S3: signatures that the other end recomputes, of a buffer, a stream, a retry, a refusal
import { Readable } from 'node:stream'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'

export const nodes = 'every'
export const dropIn = `
CLIENT PUT {http.path=/shelf/paper.txt}
  ORIGIN PUT /shelf/paper.txt
CLIENT PUT {http.path=/shelf/stream.txt}
  ORIGIN PUT /shelf/stream.txt
CLIENT GET {http.path=/shelf/busy.txt, http.status_code=503, error=503}
  ORIGIN GET /shelf/busy.txt
CLIENT GET {http.path=/shelf/busy.txt}
  ORIGIN GET /shelf/busy.txt
CLIENT GET {http.path=/shelf/paper.txt, http.status_code=403, error=403}
  ORIGIN GET /shelf/paper.txt
`
const Bucket = 'shelf'
export async function run({ origin }) {
  const client = (secretAccessKey) => {
    const credentials = { accessKeyId: 'key', secretAccessKey }
    return new S3Client({ region: 'eu-west-1', endpoint: origin, forcePathStyle: true, credentials })
  }
  const said = ({ ETag, name, $metadata }) => console.log(ETag, name, $metadata.httpStatusCode)
  const s3 = client('secret')
  said(
    await s3.send(
      new PutObjectCommand({ Bucket, Key: 'paper.txt', Body: 'a paper', Metadata: { mine: 'yes' } }),
    ),
  )
  const Body = Readable.from(['a ', 'paper'])
  said(await s3.send(new PutObjectCommand({ Bucket, Key: 'stream.txt', Body, ContentLength: 7 })))
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'busy.txt' }))
  console.log(got.$metadata.attempts, await got.Body.transformToString())
  said(
    await client('wrong')
      .send(new GetObjectCommand({ Bucket, Key: 'paper.txt' }))
      .catch((error) => error),
  )
}
