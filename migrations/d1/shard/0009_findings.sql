CREATE TABLE `findings` (
	`tenant_id` integer NOT NULL,
	`kind` text NOT NULL,
	`pack_id` text NOT NULL,
	`detail` text NOT NULL,
	`files` text,
	`found_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `kind`, `pack_id`)
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `tenants` ADD `scrubbed_day` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `tenants` ADD `reconciled_at` integer DEFAULT 0 NOT NULL;