CREATE TABLE `accounts` (
	`user_id` text PRIMARY KEY NOT NULL,
	`tenant_id` integer NOT NULL,
	`email` text NOT NULL,
	`name` text NOT NULL,
	`password_hash` text NOT NULL,
	`role` text NOT NULL,
	`created_at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_email` ON `accounts` (`email`);--> statement-breakpoint
CREATE TABLE `devices` (
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`name` text NOT NULL,
	`platform` text,
	`created_at` integer NOT NULL,
	`last_seen_at` integer,
	`last_synced_at` integer,
	PRIMARY KEY(`user_id`, `device_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `invites` (
	`invite_hash` text PRIMARY KEY NOT NULL,
	`created_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`used_at` integer
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `shards` (
	`shard` text PRIMARY KEY NOT NULL,
	`state` text NOT NULL,
	`tenants` integer DEFAULT 0 NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `sign_in_sessions` (
	`session_id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`device_id` text NOT NULL,
	`refresh_hash` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`revoked_at` integer
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `sign_in_sessions_user` ON `sign_in_sessions` (`user_id`,`device_id`);--> statement-breakpoint
CREATE INDEX `sign_in_sessions_revoked` ON `sign_in_sessions` (`revoked_at`) WHERE revoked_at is not null;--> statement-breakpoint
CREATE TABLE `tenants` (
	`tenant_id` integer PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`shard` text NOT NULL,
	`state` text NOT NULL,
	`plan` text NOT NULL,
	`created_at` integer NOT NULL
) WITHOUT ROWID;
