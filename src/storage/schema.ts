import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
  bigserial,
  boolean,
  check,
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  numeric,
  pgEnum,
  pgPolicy,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core'
import type { ChatName } from '../core/card.ts'
import type { ClipInspection, ClipMeasures } from '../core/clip-measures.ts'
import type { ErrorDetail } from '../core/errors.ts'
import type { JobChange } from '../core/event.ts'
import { type Film, JOB_STATUSES } from '../core/job.ts'
import type { Plan } from '../core/plan.ts'
import type { Identity } from '../core/ports.ts'
import type { Locale, VideoRequest } from '../core/request.ts'
import { SEGMENT_STATES } from '../core/segment.ts'

/** Whether a text can be the id of a row. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}

/** The tables, and who may read them. The service connects as their owner, to whom the policies don't apply. */

export const jobStatus = pgEnum('job_status', JOB_STATUSES)
export const segmentState = pgEnum('segment_state', SEGMENT_STATES)

const instant = (name: string) => timestamp(name, { withTimezone: true })
const ownRows = (name: string, using: ReturnType<typeof sql>) => pgPolicy(name, { for: 'select', using })
const ofOwnJob = (jobId: string) =>
  sql`exists (select 1 from jobs where jobs.id = ${sql.raw(jobId)} and jobs.user_id = auth.uid())`

/**
 * People. `email` is null for those who came by a chat. Whoever turned out to be somebody else too is `merged_into` them, and owns nothing
 * more. `wrong_codes` counts the wrong link codes of the hour that began at `wrong_codes_since`.
 */
export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    email: varchar('email', { length: 255 }).unique(),
    createdAt: instant('created_at').notNull().defaultNow(),
    lastLogin: instant('last_login'),
    mergedInto: uuid('merged_into').references((): AnyPgColumn => users.id, { onDelete: 'cascade' }),
    wrongCodes: integer('wrong_codes').notNull().default(0),
    wrongCodesSince: instant('wrong_codes_since'),
  },
  () => [ownRows('Users can view own data', sql`auth.uid() = id`)],
)

/** The accounts by which a person is known on each platform. `team` is empty where a platform has none. */
export const identities = pgTable(
  'identities',
  {
    platform: varchar('platform', { length: 20 }).notNull(),
    team: varchar('team', { length: 100 }).notNull().default(''),
    externalId: varchar('external_id', { length: 200 }).notNull(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.platform, t.team, t.externalId] }),
    index('idx_identities_user_id').on(t.userId),
    ownRows('Users can view own identities', sql`auth.uid() = user_id`),
  ],
)

/** The newest code of each account by which another may be joined with it; `hash` is its SHA-256. Nobody but the service reads it. */
export const linkCodes = pgTable(
  'link_codes',
  {
    platform: varchar('platform', { length: 20 }).$type<Identity['platform']>().notNull(),
    team: varchar('team', { length: 100 }).notNull().default(''),
    externalId: varchar('external_id', { length: 200 }).notNull(),
    hash: varchar('hash', { length: 64 }).notNull().unique(),
    expiresAt: instant('expires_at').notNull(),
    usedBy: uuid('used_by').references(() => users.id, { onDelete: 'cascade' }),
  },
  (t) => [
    primaryKey({ columns: [t.platform, t.team, t.externalId] }),
    foreignKey({
      name: 'link_codes_identity_fk',
      columns: [t.platform, t.team, t.externalId],
      foreignColumns: [identities.platform, identities.team, identities.externalId],
    }).onDelete('cascade'),
  ],
).enableRLS()

/** One request each. `config` is the request without its prompt; `result_path` the film's key in the object store. */
export const jobs = pgTable(
  'jobs',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    status: jobStatus('status').notNull().default('queued'),
    prompt: text('prompt').notNull(),
    config: jsonb('config').$type<Omit<VideoRequest, 'prompt'>>().notNull().default(sql`'{}'::jsonb`),
    progress: doublePrecision('progress').notNull().default(0),
    resultPath: varchar('result_path', { length: 500 }),
    errorMessage: text('error_message'),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
    completedAt: instant('completed_at'),
    locale: varchar('locale', { length: 10 }).$type<Locale>().notNull().default('ko'),
    title: text('title'),
    film: jsonb('film').$type<Omit<Film, 'key'>>(),
    error: jsonb('error').$type<ErrorDetail>(),
    cancelRequestedAt: instant('cancel_requested_at'),
    estimateUsd: numeric('estimate_usd', { precision: 12, scale: 6, mode: 'number' }),
    payAgain: boolean('pay_again').notNull().default(false),
    claimedBy: uuid('claimed_by'),
    claimedUntil: instant('claimed_until'),
  },
  (t) => [
    check('jobs_progress_check', sql`${t.progress} >= 0 and ${t.progress} <= 1`),
    index('idx_jobs_user_id').on(t.userId),
    index('idx_jobs_status').on(t.status),
    index('idx_jobs_created_at').on(t.createdAt.desc()),
    ownRows('Users can view own jobs', sql`auth.uid() = user_id`),
    // holds for a role that an operator lets insert; `authenticated` gets no such right from us, since a row
    // that comes past `submit` would come past the limits too
    pgPolicy('Users can insert own jobs', { for: 'insert', withCheck: sql`auth.uid() = user_id` }),
  ],
)

/** What happened, in order. `message` is worded in the job's language; `event` is what the surfaces word themselves. */
export const jobLogs = pgTable(
  'job_logs',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    jobId: uuid('job_id')
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    timestamp: instant('timestamp').notNull().defaultNow(),
    level: varchar('level', { length: 20 }).notNull().default('INFO'),
    message: text('message').notNull(),
    event: jsonb('event').$type<JobChange>().notNull(),
    status: jobStatus('status').notNull(),
    progress: doublePrecision('progress').notNull(),
  },
  (t) => [
    index('idx_job_logs_job_id').on(t.jobId, t.id),
    ownRows('Users can view own job logs', ofOwnJob('job_logs.job_id')),
  ],
)

/**
 * The ledger: what was asked of the provider for each shot, and what came of it. `index` counts from 1. `measures` and `inspection` are what
 * was seen of its clip.
 */
export const segments = pgTable(
  'segments',
  {
    jobId: uuid('job_id')
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    index: integer('index').notNull(),
    title: text('title').notNull(),
    prompt: text('prompt').notNull(),
    seconds: doublePrecision('seconds').notNull(),
    model: varchar('model', { length: 100 }).notNull(),
    state: segmentState('state').notNull().default('planned'),
    requestId: varchar('request_id', { length: 200 }),
    requestUrls: jsonb('request_urls').$type<Record<string, string>>(),
    clipUrl: text('clip_url'),
    costUsd: numeric('cost_usd', { precision: 12, scale: 6, mode: 'number' }),
    attempts: integer('attempts').notNull().default(0),
    measures: jsonb('measures').$type<ClipMeasures>(),
    inspection: jsonb('inspection').$type<ClipInspection>(),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.jobId, t.index] }),
    check('segments_index_check', sql`${t.index} >= 1`),
    check('segments_attempts_check', sql`${t.attempts} >= 0`),
    check(
      'segments_request_check',
      sql`(${t.state} in ('planned', 'submitting')) = (${t.requestId} is null)`,
    ),
    ownRows('Users can view own segments', ofOwnJob('segments.job_id')),
  ],
)

/**
 * Where a job's card stands in a chat, and whether its person has been told of the end. `held_by` follows it until `held_until`; a moment
 * that has passed means that it waits for somebody, null that there is nothing to do.
 */
export const cards = pgTable(
  'cards',
  {
    jobId: uuid('job_id')
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    platform: varchar('platform', { length: 20 }).$type<ChatName>().notNull(),
    team: varchar('team', { length: 100 }).notNull().default(''),
    channelId: varchar('channel_id', { length: 100 }).notNull(),
    messageId: varchar('message_id', { length: 100 }).notNull(),
    externalUserId: varchar('external_user_id', { length: 200 }).notNull(),
    shownSeq: bigint('shown_seq', { mode: 'number' }).notNull().default(0),
    deleted: boolean('deleted').notNull().default(false),
    notifiedAt: instant('notified_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
    heldBy: uuid('held_by'),
    heldUntil: instant('held_until').defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.jobId, t.platform, t.channelId] }),
    index('idx_cards_held_until').on(t.heldUntil).where(sql`held_until is not null`),
    foreignKey({
      name: 'cards_identity_fk',
      columns: [t.platform, t.team, t.externalUserId],
      foreignColumns: [identities.platform, identities.team, identities.externalId],
    }).onDelete('cascade'),
    ownRows('Users can view own cards', ofOwnJob('cards.job_id')),
  ],
)

/** Plans by a hash of all that they depend on. Nobody but the service reads it. */
export const planCache = pgTable('plan_cache', {
  key: varchar('key', { length: 64 }).primaryKey(),
  plan: jsonb('plan').$type<Plan>().notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
}).enableRLS()

/** What all processes on one database must have in common and nobody else may know. */
export const secrets = pgTable('secrets', {
  name: varchar('name', { length: 50 }).primaryKey(),
  value: text('value').notNull(),
}).enableRLS()
