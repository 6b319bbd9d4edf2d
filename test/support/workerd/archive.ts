/** The bucket of the S3 server that runs beside the tests, without its address. */
export const ARCHIVE = {
  bucket: "archive",
  region: "us-east-1",
  access_key_id: "S3RVER",
  secret_access_key: "S3RVER",
} as const;
