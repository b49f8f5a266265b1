import { accountId } from '../account.ts'
import { invalidArgument } from '../wire/api-error.ts'
import { operation, type Operation, streamAddress } from './operation.ts'
import type { Stream } from '../stream/stream.ts'
import { integer, list, map, required, type Rule, text } from './validation.ts'

/** Tags that a stream may have. */
const MOST_TAGS = 50

const tagKey = text({ min: 1, max: 128 })
/** Tags by key, as requests give them. */
export const tagMap: Rule<Readonly<Record<string, string>> | undefined> = map(
  tagKey,
  text({ max: 256 }),
  1,
  200,
)
const tagKeys = required(list(tagKey, 1, 50))
const resource = { ResourceARN: required(text({ min: 1, max: 1011 })) }

/** Tags of streams, by which AWS's users find and bill them. They change nothing here. */
export const tagOperations: Record<string, Operation> = {
  AddTagsToStream: operation({ ...streamAddress, Tags: required(tagMap) }, (account, input) => {
    addTags(account.stream(input), input.Tags)
  }),

  RemoveTagsFromStream: operation({ ...streamAddress, TagKeys: tagKeys }, (account, input) => {
    removeTags(account.stream(input), input.TagKeys)
  }),

  ListTagsForStream: operation(
    { ...streamAddress, ExclusiveStartTagKey: tagKey, Limit: integer({ min: 1, max: MOST_TAGS }) },
    (account, input) => {
      const { ExclusiveStartTagKey: after, Limit: limit = MOST_TAGS } = input
      const left = tagsOf(account.stream(input)).filter(({ Key }) => after === undefined || Key > after)
      return { Tags: left.slice(0, limit), HasMoreTags: left.length > limit }
    },
  ),

  TagResource: operation({ ...resource, Tags: required(tagMap) }, (account, input) => {
    addTags(account.stream({ StreamARN: input.ResourceARN }), input.Tags)
  }),

  UntagResource: operation({ ...resource, TagKeys: tagKeys }, (account, input) => {
    removeTags(account.stream({ StreamARN: input.ResourceARN }), input.TagKeys)
  }),

  ListTagsForResource: operation(resource, (account, input) => {
    return { Tags: tagsOf(account.stream({ StreamARN: input.ResourceARN })) }
  }),
}

/** Gives a stream these tags, beside those it has or in their place. */
export function addTags(stream: Stream, tags: Readonly<Record<string, string>>): void {
  const all = new Map([...stream.tags, ...Object.entries(tags)])
  if (all.size > MOST_TAGS) {
    throw invalidArgument(
      `Failed to add tags to stream ${stream.name} under account ${accountId} because a given stream cannot have more than ${MOST_TAGS} tags associated with it.`,
    )
  }
  stream.tags = all
}

function removeTags(stream: Stream, keys: readonly (string | undefined)[]): void {
  for (const key of keys) stream.tags.delete(key!)
}

function tagsOf(stream: Stream): { Key: string; Value: string }[] {
  const tags = [...stream.tags].map(([Key, Value]) => ({ Key, Value }))
  return tags.sort((a, b) => (a.Key < b.Key ? -1 : 1))
}
