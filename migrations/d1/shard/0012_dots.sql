ALTER TABLE `files` ADD `content_dot` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `files` ADD `place_dot` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `files` ADD `conflict_of` text;--> statement-breakpoint
ALTER TABLE `files` ADD `conflict_policy` text;--> statement-breakpoint
ALTER TABLE `journal` ADD `conflict_of` text;