CREATE TABLE `hooks` (
	`tenant_id` integer NOT NULL,
	`hash` text NOT NULL,
	`content_id` text NOT NULL,
	`file_id` text NOT NULL,
	`version_id` text NOT NULL,
	PRIMARY KEY(`tenant_id`, `hash`, `content_id`)
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `upload_chunks` ADD `content_hash` text;--> statement-breakpoint
ALTER TABLE `upload_chunks` ADD `hooks` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `uploads` ADD `base` text;