import { fileSender, type FileSenderOptions } from './file-sender.ts'
import { httpSender, type HttpSenderOptions } from './http-sender.ts'
import { kinesisSender, type KinesisSenderOptions } from './kinesis-sender.ts'
import type { Sender, SenderRecipe } from './sender.ts'

/** The sender that a recipe is of. Throws for one that no sender of ours has written. */
export function senderOf({ kind, options }: SenderRecipe): Sender {
  switch (kind) {
    case 'file':
      return fileSender(options as FileSenderOptions)
    case 'http':
      return httpSender(options as HttpSenderOptions)
    case 'kinesis':
      return kinesisSender(options as KinesisSenderOptions)
    default:
      throw new TypeError(`there is no sender of the kind ${kind}`)
  }
}
