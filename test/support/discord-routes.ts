import type { Asked } from './discord-http.ts'

/** What a bot asks for, by the name of the route. */
export type Route =
  | 'callback'
  | 'answer read'
  | 'answer edit'
  | 'answer delete'
  | 'follow-up'
  | 'message'
  | 'message edit'
  | 'message read'
  | 'message delete'
  | 'channel read'
  | 'dm channel'
  | 'commands'
  | 'application'
  | 'picture'
  | 'other'

/**
 * A route with what its path names. `of` is what its limit is counted by: the channel, the interaction or its token, the
 * server of the commands.
 */
export interface Routed {
  route: Route
  of: string
  /** The message or the command. */
  id: string | undefined
  token: string
}

const DEEDS: Record<string, 'read' | 'edit' | 'delete'> = { GET: 'read', PATCH: 'edit', DELETE: 'delete' }

/** Takes a path apart. */
export function routed({ method, path }: Asked): Routed {
  const parts = path.split('/').slice(1).map(decodeURIComponent)
  const [first = '', of = '', second = '', third, fourth] = parts
  const deed = DEEDS[method] ?? 'read'
  if (first === 'interactions' && third === 'callback') {
    return { route: 'callback', of, id: undefined, token: second }
  }
  if (first === 'webhooks') {
    const route = third === undefined ? 'follow-up' : (`answer ${deed}` as const)
    return { route, of: second, id: fourth, token: second }
  }
  if (first === 'channels' && (second === '' || second === 'messages')) {
    const list = method === 'POST' ? 'message' : 'channel read'
    return { route: third === undefined ? list : `message ${deed}`, of, id: third, token: '' }
  }
  if (first === 'applications' && parts.includes('commands')) {
    const id = parts[parts.indexOf('commands') + 1]
    return { route: 'commands', of: second === 'guilds' ? (third ?? '') : '', id, token: '' }
  }
  if (path === '/applications/@me') return { route: 'application', of: '', id: undefined, token: '' }
  if (path === '/users/@me/channels') return { route: 'dm channel', of: '', id: undefined, token: '' }
  return { route: first === 'pictures' ? 'picture' : 'other', of: '', id: of, token: '' }
}
