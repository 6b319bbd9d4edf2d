CREATE TABLE `unarchivings` (
	`tenant_id` integer NOT NULL,
	`content_id` text NOT NULL,
	`drive_id` text NOT NULL,
	`file_id` text NOT NULL,
	`size` integer NOT NULL,
	`requested_at` integer NOT NULL,
	`attempts` integer NOT NULL,
	`error` text,
	`next_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `content_id`)
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `packs` ADD `tier` text;--> statement-breakpoint
ALTER TABLE `packs` ADD `tiered_at` integer;--> statement-breakpoint
ALTER TABLE `packs` ADD `read_day` integer;--> statement-breakpoint
ALTER TABLE `packs` ADD `reads` integer;--> statement-breakpoint
ALTER TABLE `tenants` ADD `infrequent_days` integer DEFAULT 30 NOT NULL;--> statement-breakpoint
ALTER TABLE `tenants` ADD `archive_days` integer DEFAULT 180 NOT NULL;--> statement-breakpoint
ALTER TABLE `tenants` ADD `tier_bytes` text DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE `tenants` ADD `tiers_counted_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `tenants` ADD `archive` text;