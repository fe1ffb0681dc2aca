import type { Context, Hono } from 'hono'
import { UserError } from '../../core/errors.ts'
import type { Locale } from '../../core/request.ts'
import { errorText } from '../../i18n/index.ts'
import { statusOf } from '../refusal.ts'
import type { Sent } from './form-data.ts'
import type { ForViewer } from './routes.ts'
import { linkPage } from './sign-in.ts'
import { localeOf, type PagesDeps, sendPage } from './site.ts'

/** The page that takes a chat's code. */
export function addLinkRoutes(
  app: Hono,
  deps: PagesDeps,
  known: (serve: ForViewer) => (c: Context) => Response | Promise<Response>,
): void {
  app.get(
    '/link',
    known((c) => {
      // never a code out of the address: somebody else's would give them these films
      return sendPage(c, deps, (locale) => linkPage(locale, { code: '', wrong: null, linked: null }))
    }),
  )
  app.post(
    '/link',
    known(async (c, viewer) => {
      const sent = (await c.req.parseBody()) as Sent
      const code = typeof sent.code === 'string' ? sent.code : ''
      try {
        const linked = await deps.service.link(code, viewer.identity)
        return sendPage(c, deps, (locale) => linkPage(locale, { code: '', wrong: null, linked }))
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        const wrong = errorText(error.detail, localeOf(c, deps))
        const page = (locale: Locale) => linkPage(locale, { code, wrong, linked: null })
        return sendPage(c, deps, page, statusOf(error.detail.code))
      }
    }),
  )
}
