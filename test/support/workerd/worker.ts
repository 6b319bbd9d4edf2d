// The Worker under test in the `workerd` project: the API, with the classes of the other Workers beside it.
export * from "../../../workers/api/index.ts";
export { default } from "../../../workers/api/index.ts";
export { LinkGate, PublicLinks } from "../../../workers/public-links/index.ts";
