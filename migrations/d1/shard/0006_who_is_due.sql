ALTER TABLE `drives` ADD `due` text DEFAULT '{}' NOT NULL;--> statement-breakpoint
UPDATE `drives` SET `due` = json_object('previews', `seq`, 'search-index', `seq`, 'notifications', `seq`);
