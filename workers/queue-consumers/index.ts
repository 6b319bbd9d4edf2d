export default {
  async fetch(): Promise<Response> { return new Response(null, { status: 404 }); },
  async queue(batch: MessageBatch): Promise<void> { batch.ackAll(); },
  async scheduled(): Promise<void> {},
} satisfies ExportedHandler;
