import mime from "mime";
import { FRAMES_MEDIA_TYPE } from "../../core/frames/format.ts";
import { type MediaType, mimeTypeSchema, parseMediaType } from "../../core/protocol/media-type.ts";

const UNKNOWN = "application/octet-stream";

/** Types that tell nothing: what clients send when they do not know. */
const VAGUE = /^(application\/(octet-stream|x-www-form-urlencoded)|multipart\/)/;

/** A file's type: as the client said, else by its extension. */
export function mediaTypeOf(name: string, said?: string): string {
  const type = mimeTypeSchema.safeParse(said);
  if (type.success && !VAGUE.test(type.data)) return type.data;
  return mime.getType(name) ?? UNKNOWN;
}

/** A body of our own clients. RFC 9110, 8.3.1: a type is compared without its parameters and without case. */
export const isFrames = (content_type: string | undefined): boolean =>
  content_type?.split(";", 1)[0]?.trim().toLowerCase() === FRAMES_MEDIA_TYPE;

/** Types that a browser may show in the page: pictures, sound, film, PDF and plain text run nothing. XML can. */
const INLINE = /^(?!.*(?:svg|xml))(?:(?:image|audio|video)\/.+|application\/pdf|text\/plain)$/;

/**
 * How bytes of a stored type are served. What is shown in the page is sent without parameters, so that no browser
 * reads another type out of them; what was stored and is no type, as bytes.
 */
export function servedAs(stored: string | null): { disposition: "inline" | "attachment"; content_type: string } {
  const { essence, text }: MediaType = parseMediaType(stored ?? UNKNOWN) ?? { essence: UNKNOWN, text: UNKNOWN };
  return INLINE.test(essence)
    ? { disposition: "inline", content_type: essence }
    : { disposition: "attachment", content_type: text };
}
