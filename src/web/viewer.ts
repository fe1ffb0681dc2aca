import type { Context } from 'hono'
import { reasonOf, userError } from '../core/errors.ts'
import { OPERATOR_ON_WEB } from '../core/operator.ts'
import type { Identity, JobStore } from '../core/ports.ts'
import type { PageViewer as Viewer } from './pages/site.ts'
import type { Session } from './session.ts'
import type { ReadToken } from './tokens.ts'

/** Who asks; null: nobody who is known. `byToken`: they have sent a token themselves, which no other site can make a browser do. */
export type WhoAsks = (c: Context) => Promise<{ viewer: Viewer; byToken: boolean } | null>

/** People whose users are remembered; nobody who has come by the web becomes somebody else. */
const REMEMBERED = 10_000

/** On a server for one, whoever reaches it is its operator. */
export function createSingleViewer(jobs: Pick<JobStore, 'userOf'>): WhoAsks {
  const userOf = createUserOf(jobs)
  return async () => {
    const viewer = { identity: OPERATOR_ON_WEB, userId: await userOf(OPERATOR_ON_WEB), member: null }
    return { viewer, byToken: false }
  }
}

/** People prove themselves by an access token: in a header, else in the cookie of whoever has signed in on a page. */
export function createMembers(deps: {
  jobs: Pick<JobStore, 'userOf'>
  readToken: ReadToken
  session: Pick<Session, 'accessToken'>
}): WhoAsks {
  const userOf = createUserOf(deps.jobs)
  return async (c) => {
    const header = c.req.header('authorization')
    const token =
      header === undefined
        ? await deps.session.accessToken(c).catch((error: unknown) => {
            throw userError('sign_in_unavailable', { reason: reasonOf(error) })
          })
        : (/^Bearer ([\w.~+/-]+=*)$/i.exec(header)?.[1] ?? null)
    const person = token === null ? null : await deps.readToken(token)
    if (person === null) return null
    const identity: Identity = { platform: 'web', team: '', externalId: person.id }
    const viewer = { identity, userId: await userOf(identity), member: { email: person.email } }
    return { viewer, byToken: header !== undefined }
  }
}

function createUserOf(jobs: Pick<JobStore, 'userOf'>) {
  const known = new Map<string, string>()
  return async (identity: Identity): Promise<string> => {
    const { externalId } = identity
    const userId = known.get(externalId) ?? (await jobs.userOf(identity))
    known.delete(externalId)
    known.set(externalId, userId)
    for (const oldest of known.keys()) {
      if (known.size <= REMEMBERED) break
      known.delete(oldest)
    }
    return userId
  }
}
