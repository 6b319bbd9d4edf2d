import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
export class LinkGate extends DurableObject {}
export class PublicLinks extends WorkerEntrypoint {
  override async fetch(): Promise<Response> { return new Response("not found", { status: 404 }); }
}
export default { async fetch(): Promise<Response> { return new Response(null, { status: 404 }); } } satisfies ExportedHandler;
