ALTER TABLE `incoming_shares` ADD `noted_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `journal` ADD `from_id` text;--> statement-breakpoint
CREATE INDEX `permissions_people` ON `permissions` (`tenant_id`,`drive_id`,`user_id`) WHERE kind = 'user' and revoked_at is null;