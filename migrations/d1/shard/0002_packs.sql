DROP TABLE `upload_chunks`;--> statement-breakpoint
ALTER TABLE `uploads` DROP COLUMN `object_key`;--> statement-breakpoint
ALTER TABLE `uploads` DROP COLUMN `r2_upload_id`;--> statement-breakpoint
CREATE TABLE `packs` (
	`tenant_id` integer NOT NULL,
	`pack_id` text NOT NULL,
	`state` text NOT NULL,
	`size` integer NOT NULL,
	`key_version` integer NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `pack_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `tenant_keys` (
	`tenant_id` integer NOT NULL,
	`version` integer NOT NULL,
	`master_version` text NOT NULL,
	`wrapped_key` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `version`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `upload_chunks` (
	`tenant_id` integer NOT NULL,
	`upload_id` text NOT NULL,
	`chunk_index` integer NOT NULL,
	`chunk_id` text NOT NULL,
	`size` integer NOT NULL,
	`manifest` text NOT NULL,
	`pack_id` text NOT NULL,
	`pack_size` integer NOT NULL,
	`key_version` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `upload_id`, `chunk_index`, `chunk_id`)
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `uploads` ADD `block_bits` integer DEFAULT 16 NOT NULL;