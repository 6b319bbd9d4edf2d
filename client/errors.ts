import type { Problem } from "../core/protocol/common.ts";

/** The server answered with a problem document (RFC 9457). Branch on `code`; no retry should be done, that is already handled. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly request_id: string;
  /** Every other member of the document, such as the `file_id` that holds a taken name. */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(problem: Problem) {
    const { type: _type, title: _title, status, code, detail, request_id, ...extra } = problem;
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.request_id = request_id;
    this.extra = extra;
  }
}

/** No answer came, after every retry: no network, or no server. Whether the request took effect is unknown. */
export class NetworkError extends Error {
  constructor(cause: unknown) {
    super("The server cannot be reached.", { cause });
    this.name = "NetworkError";
  }
}

export const isCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof ApiError && codes.includes(error.code);

/** A gateway between us and the server may answer without a problem document. */
export async function errorOf(response: Response): Promise<ApiError> {
  const request_id = response.headers.get("x-request-id") ?? "";
  const fallback: Problem = {
    type: "about:blank",
    title: response.statusText,
    status: response.status,
    code: response.status === 429 ? "rate_limited" : "unavailable",
    detail: `The server answered ${response.status}.`,
    request_id,
  };
  try {
    const body = (await response.json()) as Partial<Problem>;
    return new ApiError(typeof body.code === "string" ? { ...fallback, ...body } : fallback);
  } catch {
    return new ApiError(fallback);
  }
}
