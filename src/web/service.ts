import type { JobStore } from '../core/ports.ts'
import type { PagesService, PageViewer } from './pages/site.ts'

/** What the web needs of the program at work. */
export interface WebService extends PagesService {
  jobs: PagesService['jobs'] & Pick<JobStore, 'userOf' | 'count' | 'waiting'>
  /** What a job's segments have cost so far, in USD; null where the provider doesn't say. */
  costOf(jobId: string): Promise<number | null>
  /** Bytes that are free for films, and how many must be before one is taken in. */
  disk(): Promise<{ free: number; least: number }>
  /** The file behind a signed address of this server, and what it is to be called; null where there is none such, or no more. */
  openLink(url: string): { key: string; name: string } | null
}

declare module 'hono' {
  interface ContextVariableMap {
    /** Who asks; null: nobody who is known. */
    viewer: PageViewer | null
    /** Aborts when the server stops. */
    closing: AbortSignal
  }
}
