CREATE TABLE `verifications` (
	`tenant_id` integer NOT NULL,
	`drive_id` text NOT NULL,
	`content_id` text NOT NULL,
	`declared_hash` text,
	`hashed_bytes` integer NOT NULL,
	`state` text,
	`attempts` integer NOT NULL,
	`error` text,
	`next_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `drive_id`, `content_id`)
) WITHOUT ROWID;
--> statement-breakpoint
DROP INDEX `files_content`;--> statement-breakpoint
CREATE INDEX `files_pending` ON `files` (`tenant_id`,`content_id`) WHERE integrity = 'pending';--> statement-breakpoint
CREATE INDEX `files_content` ON `files` (`tenant_id`,`content_hash`,`drive_id`) WHERE content_hash is not null;--> statement-breakpoint
ALTER TABLE `tenants` ADD `joined_content` text DEFAULT '' NOT NULL;--> statement-breakpoint
CREATE INDEX `versions_pending` ON `versions` (`tenant_id`,`content_id`) WHERE content_hash is null;