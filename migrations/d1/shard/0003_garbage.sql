ALTER TABLE `contents` ADD `is_ended` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `packs` ADD `changed_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `packs` ADD `round` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `tenants` ADD `grace_days` integer DEFAULT 30 NOT NULL;--> statement-breakpoint
ALTER TABLE `tenants` ADD `garbage_round` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `versions` ADD `is_shared` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
CREATE INDEX `versions_shared` ON `versions` (`tenant_id`,`content_id`) WHERE is_shared = 1;