CREATE TABLE `contents` (
	`tenant_id` integer NOT NULL,
	`content_id` text NOT NULL,
	`content_hash` text,
	`size` integer NOT NULL,
	`manifest` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `content_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `drives` (
	`tenant_id` integer NOT NULL,
	`drive_id` text NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`seq` integer DEFAULT 0 NOT NULL,
	`used_bytes` integer DEFAULT 0 NOT NULL,
	`reserved_bytes` integer DEFAULT 0 NOT NULL,
	`limit_bytes` integer NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `drive_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `event_failures` (
	`tenant_id` integer NOT NULL,
	`drive_id` text NOT NULL,
	`consumer` text NOT NULL,
	`seq` integer NOT NULL,
	`attempts` integer NOT NULL,
	`error` text NOT NULL,
	`retry_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `drive_id`, `consumer`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `event_marks` (
	`tenant_id` integer NOT NULL,
	`drive_id` text NOT NULL,
	`consumer` text NOT NULL,
	`seq` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `drive_id`, `consumer`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `files` (
	`tenant_id` integer NOT NULL,
	`file_id` text NOT NULL,
	`drive_id` text NOT NULL,
	`parent_id` text,
	`name` text NOT NULL,
	`name_key` text NOT NULL,
	`is_folder` integer NOT NULL,
	`size` integer DEFAULT 0 NOT NULL,
	`mime_type` text,
	`content_id` text,
	`content_hash` text,
	`integrity` text DEFAULT 'ok' NOT NULL,
	`version_id` text,
	`version_number` integer DEFAULT 0 NOT NULL,
	`version_count` integer DEFAULT 0 NOT NULL,
	`vector` text DEFAULT '{}' NOT NULL,
	`metadata` text DEFAULT '{}' NOT NULL,
	`created_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`modified_at` integer,
	`trashed_at` integer,
	PRIMARY KEY(`tenant_id`, `file_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `files_name` ON `files` (`tenant_id`,`parent_id`,`name_key`) WHERE trashed_at is null;--> statement-breakpoint
CREATE INDEX `files_content` ON `files` (`tenant_id`,`content_hash`) WHERE content_hash is not null;--> statement-breakpoint
CREATE INDEX `files_trash` ON `files` (`tenant_id`,`drive_id`,`trashed_at`) WHERE trashed_at is not null;--> statement-breakpoint
CREATE TABLE `incoming_shares` (
	`tenant_id` integer NOT NULL,
	`user_id` text NOT NULL,
	`file_id` text NOT NULL,
	`drive_id` text NOT NULL,
	`shared_by` text,
	`shared_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `user_id`, `file_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `journal` (
	`tenant_id` integer NOT NULL,
	`drive_id` text NOT NULL,
	`seq` integer NOT NULL,
	`op` text NOT NULL,
	`file_id` text NOT NULL,
	`version_id` text,
	`permission_id` text,
	`op_id` text NOT NULL,
	`actor_id` text NOT NULL,
	`device_id` text,
	`at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `drive_id`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `journal_op` ON `journal` (`tenant_id`,`drive_id`,`op_id`);--> statement-breakpoint
CREATE TABLE `permissions` (
	`tenant_id` integer NOT NULL,
	`file_id` text NOT NULL,
	`permission_id` text NOT NULL,
	`drive_id` text NOT NULL,
	`kind` text NOT NULL,
	`permission` text NOT NULL,
	`user_id` text,
	`email` text,
	`name` text,
	`token` text,
	`password_hash` text,
	`max_downloads` integer,
	`created_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`revoked_at` integer,
	PRIMARY KEY(`tenant_id`, `file_id`, `permission_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `permissions_token` ON `permissions` (`tenant_id`,`token`) WHERE token is not null;--> statement-breakpoint
CREATE INDEX `permissions_email` ON `permissions` (`email`) WHERE kind = 'pending';--> statement-breakpoint
CREATE TABLE `tenants` (
	`tenant_id` integer PRIMARY KEY NOT NULL,
	`state` text NOT NULL,
	`created_at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `upload_chunks` (
	`tenant_id` integer NOT NULL,
	`upload_id` text NOT NULL,
	`chunk_index` integer NOT NULL,
	`chunk_id` text NOT NULL,
	`size` integer NOT NULL,
	`etag` text NOT NULL,
	PRIMARY KEY(`tenant_id`, `upload_id`, `chunk_index`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `uploads` (
	`tenant_id` integer NOT NULL,
	`upload_id` text NOT NULL,
	`drive_id` text NOT NULL,
	`state` text NOT NULL,
	`target` text NOT NULL,
	`size` integer,
	`reserved_bytes` integer NOT NULL,
	`declared_hash` text,
	`object_key` text NOT NULL,
	`r2_upload_id` text,
	`part_size` integer NOT NULL,
	`created_by` text NOT NULL,
	`device_id` text,
	`file_id` text,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `upload_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `versions` (
	`tenant_id` integer NOT NULL,
	`file_id` text NOT NULL,
	`version_number` integer NOT NULL,
	`version_id` text NOT NULL,
	`content_id` text NOT NULL,
	`content_hash` text,
	`size` integer NOT NULL,
	`mime_type` text,
	`created_by` text NOT NULL,
	`device_id` text,
	`created_at` integer NOT NULL,
	`change_description` text,
	PRIMARY KEY(`tenant_id`, `file_id`, `version_number`)
) WITHOUT ROWID;
