CREATE TABLE `store_record` (
	`name` text PRIMARY KEY NOT NULL,
	`value` integer NOT NULL,
	`at` integer NOT NULL
) WITHOUT ROWID;
