import { fileSender, type FileSenderOptions } from './file-sender.ts'
import { httpSender, type HttpSenderOptions } from './http-sender.ts'
import { kinesisSender, type KinesisSenderOptions } from './kinesis-sender.ts'
import type { Sender } from './sender.ts'

/** How a sender is made again in another thread, where it cannot go itself. */
export type SenderRecipe =
  | { readonly kind: 'file'; readonly options: FileSenderOptions }
  | { readonly kind: 'http'; readonly options: HttpSenderOptions }
  | { readonly kind: 'kinesis'; readonly options: Omit<KinesisSenderOptions, 'client'> }

/** The sender that a recipe is of. */
export function senderOf(recipe: SenderRecipe): Sender {
  switch (recipe.kind) {
    case 'file':
      return fileSender(recipe.options)
    case 'http':
      return httpSender(recipe.options)
    case 'kinesis':
      return kinesisSender(recipe.options)
  }
}
