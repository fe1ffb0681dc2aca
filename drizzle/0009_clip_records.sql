ALTER TABLE "segments" ADD COLUMN "measures" jsonb;--> statement-breakpoint
ALTER TABLE "segments" ADD COLUMN "inspection" jsonb;