CREATE TABLE `pending_shares` (
	`email` text NOT NULL,
	`tenant_id` integer NOT NULL,
	`file_id` text NOT NULL,
	`permission_id` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`email`, `tenant_id`, `file_id`, `permission_id`)
) WITHOUT ROWID;
