ALTER TABLE `tenants` ADD `deleted_at` integer;--> statement-breakpoint
ALTER TABLE `tenants` ADD `erased_at` integer;--> statement-breakpoint
CREATE INDEX `tenants_erasing` ON `tenants` (`deleted_at`) WHERE state = 'deleted' and erased_at is null;