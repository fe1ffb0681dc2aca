CREATE TYPE "public"."job_status" AS ENUM('queued', 'planning', 'generating', 'merging', 'completed', 'failed', 'cancelled');--> statement-breakpoint
CREATE TYPE "public"."segment_state" AS ENUM('planned', 'submitting', 'submitted', 'rendered', 'stored');--> statement-breakpoint
CREATE TABLE "cards" (
	"job_id" uuid NOT NULL,
	"platform" varchar(20) NOT NULL,
	"team" varchar(100) DEFAULT '' NOT NULL,
	"channel_id" varchar(100) NOT NULL,
	"message_id" varchar(100) NOT NULL,
	"external_user_id" varchar(200) NOT NULL,
	"shown_seq" bigint DEFAULT 0 NOT NULL,
	"deleted" boolean DEFAULT false NOT NULL,
	"notified_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "cards_job_id_platform_channel_id_pk" PRIMARY KEY("job_id","platform","channel_id")
);
--> statement-breakpoint
ALTER TABLE "cards" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "identities" (
	"platform" varchar(20) NOT NULL,
	"team" varchar(100) DEFAULT '' NOT NULL,
	"external_id" varchar(200) NOT NULL,
	"user_id" uuid NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "identities_platform_team_external_id_pk" PRIMARY KEY("platform","team","external_id")
);
--> statement-breakpoint
ALTER TABLE "identities" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "job_logs" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"job_id" uuid NOT NULL,
	"timestamp" timestamp with time zone DEFAULT now() NOT NULL,
	"level" varchar(20) DEFAULT 'INFO' NOT NULL,
	"message" text NOT NULL,
	"event" jsonb NOT NULL,
	"status" "job_status" NOT NULL,
	"progress" double precision NOT NULL
);
--> statement-breakpoint
ALTER TABLE "job_logs" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"status" "job_status" DEFAULT 'queued' NOT NULL,
	"prompt" text NOT NULL,
	"config" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"progress" double precision DEFAULT 0 NOT NULL,
	"result_path" varchar(500),
	"error_message" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"completed_at" timestamp with time zone,
	"locale" varchar(10) DEFAULT 'ko' NOT NULL,
	"title" text,
	"film" jsonb,
	"error" jsonb,
	"cancel_requested_at" timestamp with time zone,
	"pay_again" boolean DEFAULT false NOT NULL,
	"claimed_by" uuid,
	"claimed_until" timestamp with time zone,
	CONSTRAINT "jobs_progress_check" CHECK ("jobs"."progress" >= 0 and "jobs"."progress" <= 1)
);
--> statement-breakpoint
ALTER TABLE "jobs" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "plan_cache" (
	"key" varchar(64) PRIMARY KEY NOT NULL,
	"plan" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "plan_cache" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "segments" (
	"job_id" uuid NOT NULL,
	"index" integer NOT NULL,
	"title" text NOT NULL,
	"prompt" text NOT NULL,
	"seconds" double precision NOT NULL,
	"model" varchar(100) NOT NULL,
	"state" "segment_state" DEFAULT 'planned' NOT NULL,
	"request_id" varchar(200),
	"request_urls" jsonb,
	"clip_url" text,
	"cost_usd" numeric(12, 6),
	"attempts" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "segments_job_id_index_pk" PRIMARY KEY("job_id","index"),
	CONSTRAINT "segments_index_check" CHECK ("segments"."index" >= 1),
	CONSTRAINT "segments_attempts_check" CHECK ("segments"."attempts" >= 0),
	CONSTRAINT "segments_request_check" CHECK (("segments"."state" in ('planned', 'submitting')) = ("segments"."request_id" is null))
);
--> statement-breakpoint
ALTER TABLE "segments" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"email" varchar(255),
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_login" timestamp with time zone,
	CONSTRAINT "users_email_unique" UNIQUE("email")
);
--> statement-breakpoint
ALTER TABLE "users" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "cards" ADD CONSTRAINT "cards_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cards" ADD CONSTRAINT "cards_identity_fk" FOREIGN KEY ("platform","team","external_user_id") REFERENCES "public"."identities"("platform","team","external_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identities" ADD CONSTRAINT "identities_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "job_logs" ADD CONSTRAINT "job_logs_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "segments" ADD CONSTRAINT "segments_job_id_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idx_identities_user_id" ON "identities" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "idx_job_logs_job_id" ON "job_logs" USING btree ("job_id","id");--> statement-breakpoint
CREATE INDEX "idx_jobs_user_id" ON "jobs" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "idx_jobs_status" ON "jobs" USING btree ("status");--> statement-breakpoint
CREATE INDEX "idx_jobs_created_at" ON "jobs" USING btree ("created_at" DESC NULLS LAST);--> statement-breakpoint
CREATE POLICY "Users can view own cards" ON "cards" AS PERMISSIVE FOR SELECT TO public USING (exists (select 1 from jobs where jobs.id = cards.job_id and jobs.user_id = auth.uid()));--> statement-breakpoint
CREATE POLICY "Users can view own identities" ON "identities" AS PERMISSIVE FOR SELECT TO public USING (auth.uid() = user_id);--> statement-breakpoint
CREATE POLICY "Users can view own job logs" ON "job_logs" AS PERMISSIVE FOR SELECT TO public USING (exists (select 1 from jobs where jobs.id = job_logs.job_id and jobs.user_id = auth.uid()));--> statement-breakpoint
CREATE POLICY "Users can view own jobs" ON "jobs" AS PERMISSIVE FOR SELECT TO public USING (auth.uid() = user_id);--> statement-breakpoint
CREATE POLICY "Users can insert own jobs" ON "jobs" AS PERMISSIVE FOR INSERT TO public WITH CHECK (auth.uid() = user_id);--> statement-breakpoint
CREATE POLICY "Users can view own segments" ON "segments" AS PERMISSIVE FOR SELECT TO public USING (exists (select 1 from jobs where jobs.id = segments.job_id and jobs.user_id = auth.uid()));--> statement-breakpoint
CREATE POLICY "Users can view own data" ON "users" AS PERMISSIVE FOR SELECT TO public USING (auth.uid() = id);