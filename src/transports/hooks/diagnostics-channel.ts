import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { failed } from '../../host/faults.ts'
import { guarded } from '../../host/guarded.ts'
import { nodeObject, nodeRealm } from '../../host/node-realm.ts'
import { processState } from '../../host/process-state.ts'
import { isUsed, leaveHook, newHook, useHook, type Fn, type Hook } from '../../host/shared-hook.ts'
import type { Uninstall } from '../../host/patch.ts'

/** A function that listens to a channel on behalf of the copies of the package. */
interface Subscription {
  readonly channel: string
  /** What it does for all copies of the package; undefined where it serves one copy alone. */
  readonly task: string | undefined
  readonly hook: Hook
}

type Listener = (message: unknown) => void

const subscriptions = processState.subscriptions as Subscription[]

/**
 * Listens to a diagnostics channel. What `listener` throws is counted at `where`: thrown on, it would end the process.
 */
export function listenTo<Message>(
  channel: string,
  where: string,
  listener: (message: Message) => void,
): Uninstall {
  return listen(subscription(channel, undefined), where, listener)
}

/**
 * As {@link listenTo}, for what is to be done once, however many copies of the package there are: only one of them is
 * told. `where` also names what is done.
 */
export function listenAsOne<Message>(
  channel: string,
  where: string,
  listener: (message: Message) => void,
): Uninstall {
  const shared = subscriptions.find((other) => other.channel === channel && other.task === where)
  return listen(shared ?? subscription(channel, where), where, listener)
}

function listen<Message>(
  { channel, hook }: Subscription,
  where: string,
  listener: (message: Message) => void,
): Uninstall {
  const heard = (message: unknown): void => {
    try {
      listener(message as Message)
    } catch (error) {
      failed(where, error)
    }
  }
  const id = Symbol(where)
  const { standing } = hook
  change(channel, standing, useHook(hook, heard, id))
  return () => {
    guarded(where, () => change(channel, hook.standing, (hook.standing = leaveHook(hook, id))), undefined)
  }
}

function subscription(channel: string, task: string | undefined): Subscription {
  // What a realm subscribed that has ended serves nobody any more.
  for (let i = subscriptions.length - 1; i >= 0; i--) {
    const { channel: left, hook } = subscriptions[i]!
    if (isUsed(hook)) continue
    change(left, hook.standing, undefined)
    subscriptions.splice(i, 1)
  }
  const made = nodeObject<Subscription>({ channel, task, hook: newHook(nothing) })
  subscriptions.push(made)
  return made
}

/** Does nothing, and holds no realm. */
const nothing = nodeRealm.Function.prototype as Fn

function change(channel: string, before: Fn | undefined, after: Fn | undefined): void {
  if (before === after) return
  if (after) subscribe(channel, after as Listener)
  if (before) unsubscribe(channel, before as Listener)
}
