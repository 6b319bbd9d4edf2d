import { inject } from "vitest";
import { S3ArchiveBucket } from "../../platform/s3/archive-bucket.ts";
import { MemoryArchive } from "../support/memory/archive-bucket.ts";
import { ARCHIVE } from "../support/workerd/archive.ts";
import { archiveBucketContract } from "./archive-bucket.ts";

archiveBucketContract("S3", () => new S3ArchiveBucket({ ...ARCHIVE, endpoint: inject("s3") }));
archiveBucketContract("memory", () => new MemoryArchive());
