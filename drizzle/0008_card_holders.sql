ALTER TABLE "cards" ADD COLUMN "held_by" uuid;--> statement-breakpoint
ALTER TABLE "cards" ADD COLUMN "held_until" timestamp with time zone DEFAULT now();--> statement-breakpoint
CREATE INDEX "idx_cards_held_until" ON "cards" USING btree ("held_until") WHERE held_until is not null;--> statement-breakpoint
UPDATE "cards" SET "held_until" = null WHERE "notified_at" is not null AND NOT EXISTS (SELECT 1 FROM "jobs" WHERE "jobs"."id" = "cards"."job_id" AND "jobs"."status" IN ('queued', 'planning', 'generating', 'merging'));
