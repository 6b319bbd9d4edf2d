import { fetchTransport, type Sent, type Transport } from "../../client/index.ts";

const NO_BODY = new Set([204, 205, 304]);

/** `fetch` cannot tell how much of a body has left; XMLHttpRequest can, so bodies with someone watching go by it. */
export const xhrTransport: Transport = (sent) => (sent.onSent ? byXhr(sent) : fetchTransport(sent));

function byXhr({ url, method, headers, body, signal, onSent }: Sent): Promise<Response> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    xhr.open(method, url);
    xhr.responseType = "arraybuffer";
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.addEventListener("progress", (event) => onSent?.(event.loaded));
    xhr.addEventListener("load", () => resolve(responseOf(xhr)));
    xhr.addEventListener("error", () => reject(new TypeError("network error")));
    xhr.addEventListener("abort", () => reject((signal?.reason as Error | undefined) ?? new TypeError("aborted")));
    xhr.addEventListener("loadend", () => signal?.removeEventListener("abort", abort));
    signal?.addEventListener("abort", abort, { once: true });
    xhr.send(body ?? null);
  });
}

function responseOf(xhr: XMLHttpRequest): Response {
  const headers = new Headers();
  for (const line of xhr.getAllResponseHeaders().trim().split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const body = NO_BODY.has(xhr.status) ? null : (xhr.response as ArrayBuffer);
  return new Response(body, { status: xhr.status, statusText: xhr.statusText, headers });
}
