CREATE TABLE `__new_hooks` (
	`tenant_id` integer NOT NULL,
	`drive_id` text NOT NULL,
	`hash` text NOT NULL,
	`content_id` text NOT NULL,
	`file_id` text NOT NULL,
	`version_id` text NOT NULL,
	PRIMARY KEY(`tenant_id`, `drive_id`, `hash`, `content_id`)
) WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `__new_hooks`("tenant_id", "drive_id", "hash", "content_id", "file_id", "version_id") SELECT h."tenant_id", f."drive_id", h."hash", h."content_id", h."file_id", h."version_id" FROM `hooks` h JOIN `files` f ON f."tenant_id" = h."tenant_id" AND f."file_id" = h."file_id";--> statement-breakpoint
DROP TABLE `hooks`;--> statement-breakpoint
ALTER TABLE `__new_hooks` RENAME TO `hooks`;
